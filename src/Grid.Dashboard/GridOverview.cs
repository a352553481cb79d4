using Grid.Api.Builds;
using Grid.Api.Queues;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;

namespace Grid.Dashboard;

/// <summary>The grid at a glance, for who runs it.</summary>
/// <param name="Pool">Nodes and queue of the pool that is looked at.</param>
/// <param name="Pools">All pools at a glance.</param>
/// <param name="Tenants">All tenants.</param>
/// <param name="Failures">What failed lately, newest first.</param>
public sealed record GridOverview(PoolResource Pool, IReadOnlyList<PoolSummaryResource> Pools, IReadOnlyList<Tenant> Tenants, IReadOnlyList<BuildResource> Failures)
{
    // A page costs the same however many tenants there are.
    private const int TenantsLookedInto = 20;
    private const int BuildsLookedAt = 10;
    private const int MostFailures = 10;

    /// <summary>Whether failures of some tenants are not looked for.</summary>
    public bool IsPartial => Tenants.Count > TenantsLookedInto;

    /// <summary>Reads it. Failures are looked for in the newest builds of tenants that have builds in the queue, then of others.</summary>
    public static async Task<GridOverview> ReadAsync(string pool, IGrainFactory grains, BuildDesk builds, QueueDesk queues)
    {
        var pools = await queues.PoolsAsync();
        var status = await queues.PoolAsync(pool);
        var names = await grains.GetGrain<ITenantDirectoryGrain>(ITenantDirectoryGrain.Key).ListAsync();
        var tenants = await Task.WhenAll(names.Select(n => grains.GetGrain<ITenantGrain>(n).GetAsync()));
        var busy = status.Queue.Running.Select(r => r.Build).Concat(status.Queue.Waiting.Select(w => w.Build)).Select(b => Show.Key(b).Tenant).ToHashSet(StringComparer.Ordinal);
        var newest = await Task.WhenAll(names.OrderByDescending(busy.Contains).Take(TenantsLookedInto).Select(n => builds.ListAsync(n, null, null, BuildsLookedAt)));
        return new GridOverview(status, pools, [.. tenants.OfType<Tenant>()],
            [.. newest.SelectMany(p => p.Items).Where(b => b.State == BuildState.Failed).OrderByDescending(b => b.SubmittedAt).Take(MostFailures)]);
    }
}
