using Grid.Contracts.Steps;
using Grid.Contracts.Tenants;
using Grid.Grains.Machines;
using Grid.Oci;

namespace Grid.Hosting.Cache;

/// <summary>A cached step with where it stands.</summary>
/// <param name="Catalog">Whose it is.</param>
/// <param name="Entry">What the catalog says.</param>
/// <param name="Step">What its grain says.</param>
public sealed record CachedStepInfo(StepCatalogName Catalog, StepCatalogEntry Entry, StepDescription Step)
{
    /// <summary>The layer's blob; empty when the step changed no file.</summary>
    public Digest Blob => Step.Finished?.Layer?.Blob.Digest ?? default;

    /// <summary>Compressed bytes of the layer.</summary>
    public long Size => Step.Finished?.Layer?.Blob.Size ?? 0;

    public DateTimeOffset LastUsedAt => Step.LastUsedAt;
}

/// <summary>All cached steps of the grid.</summary>
public sealed class CacheInventory(IGrainFactory grains)
{
    private const int AtOnce = 64;

    private IStepCatalogsGrain Catalogs => grains.GetGrain<IStepCatalogsGrain>(IStepCatalogsGrain.Key);

    /// <summary>The bound in bytes that a scope's tenant has of its own; 0 for none, and for steps that all tenants share.</summary>
    public async Task<long> MaxBytesOfAsync(string scope) => scope == StepScope.Shared ? 0 : (await grains.GetGrain<ITenantGrain>(scope).GetAsync())?.Settings.MaxCacheBytes ?? 0;

    /// <summary>Reads catalogs and steps; entries whose steps have no result are dropped from their catalogs on the way.</summary>
    public async Task<IReadOnlyList<CachedStepInfo>> ReadAsync(CancellationToken cancellationToken)
    {
        var steps = new List<CachedStepInfo>();
        var empty = new List<string>();
        foreach (var key in await Catalogs.ListAsync())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var catalog = grains.GetGrain<IStepCatalogGrain>(key);
            var name = StepCatalogName.Parse(key);
            var entries = await catalog.ListAsync();
            var found = new List<CachedStepInfo>();
            foreach (var some in entries.Chunk(AtOnce))
                found.AddRange(await Task.WhenAll(some.Select(async e => new CachedStepInfo(name, e, await StepOf(name, e).DescribeAsync()))));
            var dead = found.Where(s => s.Step is { Finished: null, Running: false }).ToList();
            if (dead.Count > 0)
                await catalog.RemoveAsync([.. dead.Select(s => s.Entry.Key)]);
            if (dead.Count == entries.Length)
                empty.Add(key);
            steps.AddRange(found.Except(dead));
        }
        if (empty.Count > 0)
            await RemoveAsync(empty);
        return steps;
    }

    private async Task RemoveAsync(List<string> empty)
    {
        await Catalogs.RemoveAsync([.. empty]);
        foreach (var key in empty)
        {
            // Meanwhile somebody may have recorded a step, and found the catalog still listed.
            if ((await grains.GetGrain<IStepCatalogGrain>(key).ListAsync()).Length > 0)
                await Catalogs.AddAsync(key);
        }
    }

    /// <summary>Forgets a step unless it runs or was used since; says whether it did.</summary>
    public async Task<bool> ForgetAsync(CachedStepInfo step, DateTimeOffset notUsedSince)
    {
        if (!await StepOf(step.Catalog, step.Entry).ForgetAsync(notUsedSince))
            return false;
        await grains.GetGrain<IStepCatalogGrain>(step.Catalog.ToString()).RemoveAsync([step.Entry.Key]);
        return true;
    }

    private IStepGrain StepOf(StepCatalogName catalog, StepCatalogEntry entry) => grains.GetGrain<IStepGrain>($"{catalog.Scope}/{entry.Key.Hex}");
}
