using Grid.Contracts.Tenants;
using Grid.Grains.Retention;

namespace Grid.Hosting.Retention;

/// <summary>
/// Forgets what tenants have that goes after a time: idempotency keys, and which archives were uploaded. Each is forgotten before the entry by which it was
/// found, so that what is interrupted is done by the next run.
/// </summary>
public sealed class TenantExpiry(IGrainFactory grains, RetentionOptions options, TimeProvider time)
{
    /// <summary>Forgets what is due of all tenants.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        foreach (var tenant in await grains.GetGrain<ITenantDirectoryGrain>(ITenantDirectoryGrain.Key).ListAsync())
        {
            await RunAsync(tenant, IExpiryGrain.Keys, now - options.KeepKeys, async (key, before) =>
            {
                await grains.GetGrain<IIdempotencyGrain>(key).ExpireAsync(before);
                return null;
            }, cancellationToken);
            await RunAsync(tenant, IExpiryGrain.Uploads, now - options.KeepContent, (key, before) => grains.GetGrain<IUploadGrain>(key).ExpireAsync(before), cancellationToken);
        }
    }

    /// <summary>Forgets what is due of one kind.</summary>
    /// <param name="tenant">The tenant.</param>
    /// <param name="kind">The kind.</param>
    /// <param name="before">What is from before this is due.</param>
    /// <param name="expire">Forgets one, unless its time has begun anew: that time then.</param>
    /// <param name="cancellationToken">The silo is going away.</param>
    private async Task RunAsync(string tenant, string kind, DateTimeOffset before, Func<string, DateTimeOffset, Task<DateTimeOffset?>> expire, CancellationToken cancellationToken)
    {
        var list = grains.GetGrain<IExpiryGrain>(ExpiryEntry.KeyOf(tenant, kind));
        while (await list.DueAsync(before) is { Length: > 0 } due)
        {
            foreach (var entry in due)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (await expire($"{tenant}/{entry.Name}", before) is { } later)
                    await list.AddAsync(entry with { At = later });
            }
            await list.RemoveAsync(due);
        }
    }
}
