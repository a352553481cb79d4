using Grid.Grains.Machines.Queues;

namespace Grid.Grains.Queues;

/// <summary>Who runs where; written with each change, before anybody is told.</summary>
[GenerateSerializer, Alias("grid.QueueState")]
public sealed class QueueGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public QueueSnapshot Placed { get; set; } = new();
}

/// <summary>Who waits; written now and then. A build that is missing here asks again.</summary>
[GenerateSerializer, Alias("grid.QueueBacklogState")]
public sealed class QueueBacklogGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public BacklogSnapshot Backlog { get; set; } = new();
}
