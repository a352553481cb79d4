using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Queues;
using Grid.Api.Secrets;
using Grid.Client.Models;
using Grid.Contracts.Audit;
using Grid.Contracts.Secrets;
using Grid.Contracts.Tenants;

namespace Grid.Dashboard;

/// <summary>What a tenant may use and do, how much of it is used, and, for its admins, its keys, the names of its secrets, and who did what.</summary>
/// <param name="Tenant">The tenant.</param>
/// <param name="Queue">Its part of the queue.</param>
/// <param name="Month">UTC, <c>yyyy-MM</c>.</param>
/// <param name="Usage">What its builds used in that month.</param>
public sealed record TenantSheet(Tenant Tenant, QueueResource Queue, string Month, TenantUsage Usage)
{
    private const int MostAudit = 20;

    /// <summary>Its API keys; null for callers that may not see them.</summary>
    public IReadOnlyList<ApiKey>? Keys { get; init; }

    /// <summary>Names and kinds of its secrets; null for callers that may not see them.</summary>
    public IReadOnlyList<SecretResource>? Secrets { get; init; }

    /// <summary>The newest entries of its audit log; null for callers that may not see them.</summary>
    public IReadOnlyList<AuditEntry>? Audit { get; init; }

    /// <summary>Reads what the caller may see; the same roles as for the API's routes.</summary>
    public static async Task<TenantSheet> ReadAsync(string tenant, Caller caller, IGrainFactory grains, BuildDesk builds, QueueDesk queues, SecretDesk secrets, TimeProvider time)
    {
        var found = await builds.TenantAsync(tenant);
        var key = TenantUsage.KeyOf(tenant, time.GetUtcNow());
        var sheet = new TenantSheet(found, await queues.TenantAsync(tenant), key[(tenant.Length + 1)..], await grains.GetGrain<ITenantUsageGrain>(key).GetAsync());
        if (caller.Role < Role.Admin)
            return sheet;
        var keys = await Task.WhenAll((await grains.GetGrain<ITenantGrain>(tenant).KeysAsync()).Select(id => grains.GetGrain<IApiKeyGrain>(id).GetAsync()));
        return sheet with
        {
            Keys = [.. keys.OfType<ApiKey>().OrderBy(k => k.CreatedAt)],
            Secrets = (await secrets.ListAsync(tenant, Enum.GetValues<SecretKind>())).Items,
            Audit = await grains.GetGrain<IAuditGrain>(tenant).ListAsync(null, MostAudit),
        };
    }
}
