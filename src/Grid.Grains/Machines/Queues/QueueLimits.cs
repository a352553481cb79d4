namespace Grid.Grains.Machines.Queues;

/// <summary>What a pool's queue allows.</summary>
public sealed record QueueLimits
{
    /// <summary>Builds of one tenant that run at a time.</summary>
    public int TenantRunning { get; init; } = int.MaxValue;

    /// <summary>Builds of one tenant that wait.</summary>
    public int TenantQueued { get; init; } = 5_000;

    /// <summary>Builds that wait in the pool.</summary>
    public int Queued { get; init; } = 20_000;

    /// <summary>How long a build may wait.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromHours(6);

    /// <summary>How long a node may be silent before it counts as lost. Much longer than a collection or a busy disk, as its work is then done again.</summary>
    public TimeSpan Lease { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a build whose sandbox may have outlived the silo waits for the node to come back, before it goes on elsewhere. A silo that is started again at
    /// once is back before it is even known to be gone.
    /// </summary>
    public TimeSpan Return { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Share of a tenant when others wait too; 1 for those that are not named.</summary>
    public IReadOnlyDictionary<string, double> Weights { get; init; } = new Dictionary<string, double>();

    /// <summary>The share of a tenant.</summary>
    public double WeightOf(string tenant) => Weights.TryGetValue(tenant, out var weight) && weight > 0 ? weight : 1;
}
