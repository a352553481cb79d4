using Grid.Contracts.Tenants;
using Orleans.Runtime;

namespace Grid.Grains.Tenants;

/// <summary>What is stored of a month.</summary>
[GenerateSerializer, Alias("grid.TenantUsageState")]
public sealed class TenantUsageGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public double Seconds { get; set; }

    [Id(2)] public int Builds { get; set; }

    /// <summary>The last builds that were added, oldest first: one that is told again is not counted again.</summary>
    [Id(3)] public List<string> Recent { get; set; } = [];
}

/// <inheritdoc cref="ITenantUsageGrain"/>
[GrainType("grid.tenant-usage")]
public sealed class TenantUsageGrain([PersistentState("tenant-usage", GridStorage.Name)] IPersistentState<TenantUsageGrainState> state) : Grain, ITenantUsageGrain
{
    private const int MaxRecent = 300;

    private TenantUsageGrainState State => state.State;

    public async Task AddAsync(string buildKey, double seconds)
    {
        if (State.Recent.Contains(buildKey))
            return;
        State.Recent.Add(buildKey);
        if (State.Recent.Count > MaxRecent)
            State.Recent.RemoveAt(0);
        State.Seconds += Math.Max(0, seconds);
        State.Builds++;
        // What is not stored is not counted: the build tells it again.
        await this.SaveAsync(state);
    }

    public Task<TenantUsage> GetAsync() => Task.FromResult(new TenantUsage(State.Seconds, State.Builds));
}
