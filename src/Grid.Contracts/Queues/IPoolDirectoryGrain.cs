using Orleans.Concurrency;

namespace Grid.Contracts.Queues;

/// <summary>All pools by name; one grain, keyed <see cref="Key"/>, told by queues, asked by operators and when a build that names a pool is submitted, never while one runs.</summary>
[Alias("grid.IPoolDirectoryGrain")]
public interface IPoolDirectoryGrain : IGrainWithStringKey
{
    /// <summary>The grain's only key.</summary>
    const string Key = "pools";

    /// <summary>A pool has a node. It stays in the list when its nodes have left: builds may wait there.</summary>
    [Alias("Add")]
    Task AddAsync(string pool);

    /// <summary>Names in ordinal order.</summary>
    [Alias("List"), ReadOnly]
    Task<string[]> ListAsync();
}
