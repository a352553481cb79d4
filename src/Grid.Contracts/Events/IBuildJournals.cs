namespace Grid.Contracts.Events;

/// <summary>The journals of builds as a collector sees them.</summary>
public interface IBuildJournals
{
    /// <summary>When the oldest build that this process has heard of and that has no end yet began; null when there is none.</summary>
    DateTimeOffset? OldestUnfinished { get; }

    /// <summary>Removes journals of this node that nobody has written to since, but for those of unfinished builds; says whose. Shared ones are not looked at.</summary>
    IReadOnlyList<string> RemoveFinished(DateTimeOffset notWrittenSince);

    /// <summary>Removes the journal of a build that has ended; one that is not there is no error. Who reads it is told, or keeps what he has open.</summary>
    Task RemoveAsync(string buildKey, CancellationToken cancellationToken);
}
