using Grid.Contracts.Builds;

namespace Grid.Contracts.Queues;

/// <summary>A node's state, as its agent tells it every few seconds.</summary>
[GenerateSerializer, Immutable, Alias("grid.NodeReport")]
public sealed record NodeReport
{
    [Id(0)] public required NodeSession Node { get; init; }

    /// <summary>Builds it takes at a time.</summary>
    [Id(1)] public required int Slots { get; init; }

    /// <summary>What is special about it, for people.</summary>
    [Id(2)] public Dictionary<string, string> Labels { get; init; } = [];

    /// <summary>Content it has at hand (<see cref="WarmKeys"/>).</summary>
    [Id(3)] public string[] Warm { get; init; } = [];

    /// <summary>Builds it has work or directories of.</summary>
    [Id(4)] public string[] Builds { get; init; } = [];

    /// <summary>It is going away and wants nothing new.</summary>
    [Id(5)] public bool Draining { get; init; }

    /// <summary>Builds whose sandboxes would go on there without this silo, and could be gone on with by the next one.</summary>
    [Id(6)] public string[] Outliving { get; init; } = [];

    /// <summary>What outlived the node's silo before this one, and waits to be gone on with.</summary>
    [Id(7)] public SurvivingWork[] Survivors { get; init; } = [];
}

/// <summary>Work of a build whose sandbox outlived its silo.</summary>
[GenerateSerializer, Immutable, Alias("grid.SurvivingWork")]
public sealed record SurvivingWork([property: Id(0)] string BuildKey, [property: Id(1)] Phase Phase);

/// <summary>What a node shall do.</summary>
[GenerateSerializer, Immutable, Alias("grid.NodeOrders")]
public sealed record NodeOrders
{
    /// <summary>Builds it shall stop and forget: they work elsewhere, or nowhere.</summary>
    [Id(0)] public string[] Release { get; init; } = [];

    /// <summary>Silence longer than this and the node is taken for lost: it must then stop what it runs.</summary>
    [Id(1)] public required TimeSpan Lease { get; init; }

    /// <summary>The session is over, its work is done elsewhere: the node must stop all of it before it comes back under another session.</summary>
    [Id(2)] public bool Lost { get; init; }
}

/// <summary>A pool as people see it.</summary>
[GenerateSerializer, Immutable, Alias("grid.QueueStatus")]
public sealed record QueueStatus
{
    [Id(0)] public NodeStatus[] Nodes { get; init; } = [];

    [Id(1)] public RunningBuild[] Running { get; init; } = [];

    /// <summary>How many wait.</summary>
    [Id(2)] public int WaitingCount { get; init; }

    /// <summary>The first of those that wait.</summary>
    [Id(3)] public QueuePlace[] Waiting { get; init; } = [];

    /// <summary>Another number whenever something of this has changed but for <see cref="NodeStatus.LastSeen"/>; 0 from a queue that does not say when it changes.</summary>
    [Id(60)] public long Version { get; init; }
}

/// <summary>A node as people see it.</summary>
[GenerateSerializer, Immutable, Alias("grid.NodeStatus")]
public sealed record NodeStatus
{
    [Id(0)] public required NodeSession Node { get; init; }

    [Id(1)] public required int Slots { get; init; }

    /// <summary>Builds at home on it.</summary>
    [Id(2)] public required int Used { get; init; }

    /// <summary>Run extensions of builds at home elsewhere.</summary>
    [Id(3)] public required int Guests { get; init; }

    [Id(4)] public bool Draining { get; init; }

    [Id(5)] public required DateTimeOffset LastSeen { get; init; }

    [Id(6)] public Dictionary<string, string> Labels { get; init; } = [];

    /// <summary>Content it has at hand (<see cref="WarmKeys"/>), in ordinal order.</summary>
    [Id(60)] public string[] Warm { get; init; } = [];
}

/// <summary>A build that runs, and where.</summary>
[GenerateSerializer, Immutable, Alias("grid.RunningBuild")]
public sealed record RunningBuild([property: Id(0)] QueuedBuild Build, [property: Id(1)] BuildPlacement Placement, [property: Id(2)] DateTimeOffset Since);
