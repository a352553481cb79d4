using Grid.Contracts.Retention;
using Grid.Grains.Retention;
using Grid.Hosting.Cache;
using Grid.Oci.Content;

namespace Grid.Hosting.Retention;

/// <summary>
/// A run of the grid's retention on this silo: builds first, as they keep content, and what tenants have that goes after a time; then content, by the first
/// byte of its digests.
/// </summary>
internal sealed class GridRetention(BuildExpiry builds, TenantExpiry records, CacheInventory inventory, IGrainFactory grains, RetentionOptions options, TimeProvider time, IContentTier? tier = null) : IRetention
{
    private readonly TierSweep? _sweep = tier is null ? null : new TierSweep(tier, inventory, grains, options, time);
    private (int Run, TierMarks Marks)? _marked;

    public int Parts => _sweep is null ? 1 : 1 + byte.MaxValue + 1;

    public async Task<RetentionTally> DoAsync(RetentionRun run, int part, CancellationToken cancellationToken)
    {
        if (part == 0)
        {
            await records.RunAsync(cancellationToken);
            return new RetentionTally { Builds = await builds.RunAsync(cancellationToken) };
        }
        // A grid whose settings changed under a run.
        if (_sweep is null)
            return new RetentionTally();
        // Another silo's marks went with it.
        if (_marked is not { } marked || marked.Run != run.Number)
            _marked = marked = (run.Number, await _sweep.MarkAsync(run, cancellationToken));
        return await _sweep.SweepAsync(marked.Marks, (byte)(part - 1), cancellationToken);
    }
}
