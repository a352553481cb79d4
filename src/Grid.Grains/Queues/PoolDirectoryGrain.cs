using Grid.Contracts.Queues;
using Orleans.Runtime;

namespace Grid.Grains.Queues;

/// <summary>What is stored of the directory.</summary>
[GenerateSerializer, Alias("grid.PoolDirectoryState")]
public sealed class PoolDirectoryGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public List<string> Pools { get; set; } = [];
}

/// <inheritdoc cref="IPoolDirectoryGrain"/>
[GrainType("grid.pool-directory")]
public sealed class PoolDirectoryGrain([PersistentState("pool-directory", GridStorage.Name)] IPersistentState<PoolDirectoryGrainState> state) : Grain, IPoolDirectoryGrain
{
    public async Task AddAsync(string pool)
    {
        var at = state.State.Pools.BinarySearch(pool, StringComparer.Ordinal);
        if (at >= 0)
            return;
        state.State.Pools.Insert(~at, pool);
        await this.SaveAsync(state);
    }

    public Task<string[]> ListAsync() => Task.FromResult(state.State.Pools.ToArray());
}
