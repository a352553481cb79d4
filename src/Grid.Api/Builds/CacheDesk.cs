using Grid.Api.Problems;
using Grid.Client.Models;
using Grid.Contracts.Steps;

namespace Grid.Api.Builds;

/// <summary>The cached Dockerfile steps that are a tenant's own. Those that all tenants share are the platform's, and nobody's to see or to forget.</summary>
public sealed class CacheDesk(IGrainFactory grains, TimeProvider time)
{
    private const int AtOnce = 64;

    /// <summary>Steps in the order of their extensions, the newest of each first.</summary>
    /// <param name="tenant">Whose.</param>
    /// <param name="after">Key of the step that the last page ended with; null for the first page.</param>
    /// <param name="limit">How many.</param>
    public async Task<Page<CachedStepResource>> ListAsync(string tenant, string? after, int limit)
    {
        var all = await EntriesAsync(tenant);
        var from = after is null ? 0 : all.FindIndex(e => e.Entry.Key.ToString() == after) + 1;
        if (from == 0 && after is not null)
            throw new ApiException(ProblemCode.InvalidRequest, "after: the key of a step that is no longer cached; begin again");
        var page = all.Skip(from).Take(limit).ToList();
        var steps = new List<CachedStepResource>();
        foreach (var some in page.Chunk(AtOnce))
            steps.AddRange(await Task.WhenAll(some.Select(async e => Describe(e.Catalog, e.Entry, await StepOf(e.Catalog, e.Entry).DescribeAsync()))));
        return new Page<CachedStepResource>(steps, from + page.Count < all.Count ? page[^1].Entry.Key.ToString() : null);
    }

    /// <summary>Forgets steps that no build runs and that none used for so long.</summary>
    public async Task<CachePruneResource> PruneAsync(string tenant, TimeSpan olderThan)
    {
        var notUsedSince = time.GetUtcNow() - olderThan;
        var (count, bytes) = (0, 0L);
        foreach (var catalog in (await EntriesAsync(tenant)).GroupBy(e => e.Catalog))
        {
            foreach (var (name, entry) in catalog)
            {
                var known = await StepOf(name, entry).DescribeAsync();
                if (known.LastUsedAt > notUsedSince || !await StepOf(name, entry).ForgetAsync(notUsedSince))
                    continue;
                await grains.GetGrain<IStepCatalogGrain>(name.ToString()).RemoveAsync([entry.Key]);
                (count, bytes) = (count + 1, bytes + (known.Finished?.Layer?.Blob.Size ?? 0));
            }
        }
        return new CachePruneResource(count, bytes);
    }

    private async Task<List<(StepCatalogName Catalog, StepCatalogEntry Entry)>> EntriesAsync(string tenant)
    {
        var catalogs = (await grains.GetGrain<IStepCatalogsGrain>(IStepCatalogsGrain.Key).ListAsync()).Where(k => k.StartsWith(tenant + "/", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        var entries = new List<(StepCatalogName, StepCatalogEntry)>();
        foreach (var key in catalogs)
        {
            var name = StepCatalogName.Parse(key);
            entries.AddRange((await grains.GetGrain<IStepCatalogGrain>(key).ListAsync()).Select(e => (name, e)));
        }
        return entries;
    }

    private IStepGrain StepOf(StepCatalogName catalog, StepCatalogEntry entry) => grains.GetGrain<IStepGrain>($"{catalog.Scope}/{entry.Key.Hex}");

    private static CachedStepResource Describe(StepCatalogName catalog, StepCatalogEntry entry, StepDescription step) => new()
    {
        Key = entry.Key.ToString(), Kind = catalog.Kind, Extension = catalog.Extension, File = entry.File, Line = entry.Line, Text = entry.Text,
        Build = entry.BuildKey[(entry.BuildKey.IndexOf('/', StringComparison.Ordinal) + 1)..], CreatedAt = entry.CreatedAt,
        LastUsedAt = step.LastUsedAt, Uses = step.Uses, Running = step.Running,
        DiffId = step.Finished?.Layer?.DiffId.ToString(), Size = step.Finished?.Layer?.Blob.Size ?? 0,
    };
}
