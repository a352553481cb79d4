using System.Text.Json;
using System.Text.Json.Serialization;
using Grid.Contracts.Queues;

namespace Grid.Grains.Machines.Queues;

/// <summary>What must outlive the queue's silo to the last change: who runs where.</summary>
public sealed record QueueSnapshot
{
    public IReadOnlyList<PlacedBuild> Placed { get; init; } = [];

    /// <summary>Nodes that get no new builds, by name.</summary>
    public IReadOnlyList<string> Drained { get; init; } = [];
}

/// <summary>A build that was let in.</summary>
/// <param name="Build">What the queue knows of it.</param>
/// <param name="Placement">Where it works.</param>
/// <param name="Since">When it was let in.</param>
/// <param name="Charged">Seconds its tenant was charged for it.</param>
public sealed record PlacedBuild(QueuedBuild Build, BuildPlacement Placement, DateTimeOffset Since, double Charged)
{
    /// <summary>Until when it waits for its node to come back; null when it does not.</summary>
    public DateTimeOffset? ReturnBy { get; init; }

    /// <summary>What a later build of Grid has stored here (<see cref="LaterMembers"/>).</summary>
    [JsonExtensionData] public Dictionary<string, JsonElement>? Later { get; init; }
}

/// <summary>What is kept now and then only: a build that is missing in it asks again.</summary>
public sealed record BacklogSnapshot
{
    public IReadOnlyList<WaitingBuild> Waiting { get; init; } = [];

    public IReadOnlyList<TenantTime> Tenants { get; init; } = [];

    /// <summary>The time of the tenant that was served last.</summary>
    public double Now { get; init; }

    /// <summary>Seconds a build takes.</summary>
    public double Seconds { get; init; }
}

/// <summary>A build that waits.</summary>
public sealed record WaitingBuild(QueuedBuild Build, DateTimeOffset Since);

/// <summary>How much a tenant has had of the pool.</summary>
public sealed record TenantTime(string Tenant, double Time, double Seconds);

/// <summary>What the queue tells a build.</summary>
public abstract record QueueEffect(QueuedBuild Build);

/// <summary>The build works there from now on.</summary>
public sealed record BuildPlaced(QueuedBuild Build, BuildPlacement Placement) : QueueEffect(Build);

/// <summary>The build will not run.</summary>
public sealed record BuildDropped(QueuedBuild Build, QueueDrop Drop) : QueueEffect(Build);
