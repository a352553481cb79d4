using Grid.Api.Builds;
using Grid.Api.Queues;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;

namespace Grid.Dashboard;

/// <summary>A tenant at a glance: what runs, what waits and why, what failed lately.</summary>
/// <param name="Tenant">The tenant.</param>
/// <param name="Queue">Its part of the queue.</param>
/// <param name="Newest">Its newest builds.</param>
/// <param name="Apps">Names of its apps.</param>
public sealed record TenantOverview(Tenant Tenant, QueueResource Queue, IReadOnlyList<BuildResource> Newest, IReadOnlyList<string> Apps)
{
    private const int MostFailures = 5;

    /// <summary>The newest builds that failed, among <see cref="Newest"/>.</summary>
    public IReadOnlyList<BuildResource> Failures => [.. Newest.Where(b => b.State == BuildState.Failed).Take(MostFailures)];

    /// <summary>Reads it; the queue first, so that what changes meanwhile is news to who watches from there.</summary>
    public static async Task<TenantOverview> ReadAsync(string tenant, BuildDesk builds, QueueDesk queues)
    {
        var found = await builds.TenantAsync(tenant);
        var queue = await queues.TenantAsync(tenant);
        return new TenantOverview(found, queue, (await builds.ListAsync(tenant, null, null, BuildDesk.DefaultPage)).Items, await builds.AppsAsync(tenant));
    }

    /// <summary>The app of a build; null when it is not among the newest.</summary>
    public string? AppOf(string buildKey) => Newest.FirstOrDefault(b => b.Id == Show.Key(buildKey).Build)?.App;
}
