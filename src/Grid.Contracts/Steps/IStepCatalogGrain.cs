using Grid.Contracts.Work;
using Grid.Dockerfiles.Keys;
using Grid.Oci;
using Orleans.Concurrency;

namespace Grid.Contracts.Steps;

/// <summary>
/// The cached steps of one extension and one kind in one scope, keyed <c>scope/kind/extension</c>: which there are, and what their keys were made of,
/// so that a miss can be explained and a collector knows what lives.
/// </summary>
[Alias("grid.IStepCatalogGrain")]
public interface IStepCatalogGrain : IGrainWithStringKey
{
    /// <summary>Notes a step that is about to have a result. Intent before effect: a result that is in no catalog would never be collected.</summary>
    [Alias("Record")]
    Task RecordAsync(StepCatalogEntry entry);

    /// <summary>Why the cache has nothing under this key: the field in which the nearest entry differs. Null when there is nothing near.</summary>
    [Alias("Explain"), ReadOnly]
    Task<StepMiss?> ExplainAsync(StepKey key, StepName name);

    /// <summary>All entries, newest first.</summary>
    [Alias("List"), ReadOnly]
    Task<StepCatalogEntry[]> ListAsync();

    /// <summary>Drops entries whose steps have been forgotten.</summary>
    [Alias("Remove")]
    Task RemoveAsync(Digest[] keys);
}

/// <summary>All catalogs of the grid; the only one is keyed <c>all</c>.</summary>
[Alias("grid.IStepCatalogsGrain")]
public interface IStepCatalogsGrain : IGrainWithStringKey
{
    /// <summary>Key of the only one.</summary>
    const string Key = "all";

    /// <summary>Notes a catalog; once is enough.</summary>
    [Alias("Add")]
    Task AddAsync(string catalog);

    /// <summary>Keys of all catalogs.</summary>
    [Alias("List"), ReadOnly]
    Task<string[]> ListAsync();

    /// <summary>Drops catalogs that hold nothing any more.</summary>
    [Alias("Remove")]
    Task RemoveAsync(string[] catalogs);
}

/// <summary>A cached step in a catalog.</summary>
[GenerateSerializer, Immutable, Alias("grid.StepCatalogEntry")]
public sealed record StepCatalogEntry
{
    /// <summary>The step's key.</summary>
    [Id(0)] public required Digest Key { get; init; }

    /// <summary><c>build.Dockerfile</c> or <c>run.Dockerfile</c>, or a file's name.</summary>
    [Id(1)] public required string File { get; init; }

    /// <summary>1-based line of the instruction.</summary>
    [Id(2)] public required int Line { get; init; }

    /// <summary>The instruction on one line, cut when it is long.</summary>
    [Id(3)] public required string Text { get; init; }

    /// <summary>Build that ran it.</summary>
    [Id(4)] public required string BuildKey { get; init; }

    [Id(5)] public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>What the key was made of, values shortened; empty for entries that are not among the newest.</summary>
    [Id(6)] public KeyField[] Fields { get; init; } = [];
}
