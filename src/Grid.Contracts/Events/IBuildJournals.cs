namespace Grid.Contracts.Events;

/// <summary>The journals of builds as a collector sees them.</summary>
public interface IBuildJournals
{
    /// <summary>When the oldest build that this process has heard of and that has no end yet began; null when there is none.</summary>
    DateTimeOffset? OldestUnfinished { get; }

    /// <summary>Removes journals nobody has written to since, but for those of unfinished builds; says how many.</summary>
    int RemoveFinished(DateTimeOffset notWrittenSince);
}
