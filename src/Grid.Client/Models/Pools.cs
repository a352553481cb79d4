using Grid.Contracts.Queues;

namespace Grid.Client.Models;

/// <summary>A node of a pool.</summary>
public sealed record NodeResource
{
    public required string Name { get; init; }

    /// <summary>Builds it takes at a time.</summary>
    public required int Slots { get; init; }

    /// <summary>Builds that are at home on it.</summary>
    public required int Used { get; init; }

    /// <summary>Run extensions of builds that are at home elsewhere.</summary>
    public required int Guests { get; init; }

    /// <summary>It gets no new builds.</summary>
    public required bool Draining { get; init; }

    public required DateTimeOffset LastSeen { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>Content it has at hand: <c>app TENANT/APP</c>, <c>builder IMAGE</c>.</summary>
    public IReadOnlyList<string> Warm { get; init; } = [];
}

/// <summary>A pool at a glance.</summary>
public sealed record PoolSummaryResource
{
    public required string Name { get; init; }

    /// <summary>Builds that wait for a slot of it.</summary>
    public required int Waiting { get; init; }

    /// <summary>Builds that run in it.</summary>
    public required int Running { get; init; }

    /// <summary>Slots of all its nodes.</summary>
    public required int Slots { get; init; }

    /// <summary>Slots that are taken.</summary>
    public required int Used { get; init; }

    public required int Nodes { get; init; }

    /// <summary>Nodes that get no new builds.</summary>
    public required int Draining { get; init; }
}

/// <summary>A pool: its queue and its nodes.</summary>
public sealed record PoolResource(QueueResource Queue, IReadOnlyList<NodeResource> Nodes);

/// <summary>A pool's queue.</summary>
public sealed record QueueResource
{
    public required IReadOnlyList<RunningBuildResource> Running { get; init; }

    /// <summary>How many wait in all.</summary>
    public required int WaitingCount { get; init; }

    /// <summary>The first of those that wait.</summary>
    public required IReadOnlyList<QueuePlaceResource> Waiting { get; init; }
}

/// <summary>A build that runs.</summary>
/// <param name="Build">Tenant and id, with a slash between.</param>
/// <param name="App">Its app.</param>
/// <param name="Class">Who waits for it.</param>
/// <param name="Node">Node of everything but the run extension; null while it waits for another in place of one that was lost.</param>
/// <param name="RunExtensionNode">Node of the run extension.</param>
/// <param name="Since">Since when it runs.</param>
public sealed record RunningBuildResource(string Build, string App, BuildClass Class, string? Node, string? RunExtensionNode, DateTimeOffset Since);

/// <summary>A build that waits.</summary>
/// <param name="Build">Tenant and id, with a slash between.</param>
/// <param name="Position">1 for the next one to go.</param>
/// <param name="Reason">Why it does not run now.</param>
/// <param name="EstimateSeconds">Seconds until it will start if builds take as long as lately; null when nothing is known yet.</param>
/// <param name="Since">Since when it waits.</param>
public sealed record QueuePlaceResource(string Build, int Position, string Reason, double? EstimateSeconds, DateTimeOffset Since);
