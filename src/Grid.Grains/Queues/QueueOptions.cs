using Grid.Grains.Machines.Queues;

namespace Grid.Grains.Queues;

/// <summary>Settings of the queues of a grid.</summary>
public sealed record QueueOptions
{
    /// <summary>What a pool allows.</summary>
    public QueueLimits Limits { get; init; } = new();

    /// <summary>
    /// Builds of an earlier process end cancelled instead of being gone on with: nobody waits any more for what a command that was killed should have built.
    /// </summary>
    public bool EndsAbandonedBuilds { get; init; }

    /// <summary>How often the queue looks after its nodes and builds.</summary>
    public TimeSpan Tick { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How often it reminds all builds of their placement, so that nothing that was lost stays lost.</summary>
    public TimeSpan Audit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How often it stores who waits, when that has changed.</summary>
    public TimeSpan BacklogPeriod { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often a waiting build asks whether the queue still knows it.</summary>
    public TimeSpan Recall { get; init; } = TimeSpan.FromSeconds(30);
}
