using Grid.Contracts.Queues;
using Grid.Contracts.Retention;
using Grid.Grains.Retention;
using Grid.Hosting.Cache;
using Grid.Oci;
using Grid.Oci.Content;

namespace Grid.Hosting.Retention;

/// <summary>
/// Removes content from the shared tier: marks what is needed, then goes through the blobs and removes those that are not marked and that nobody has used
/// for long.
/// </summary>
/// <remarks>
/// Marked are the layers of all cached steps, and what running builds say they rely on. Whatever else begins to be needed behind the mark is put or
/// looked for in the tier first, which counts as use, and used content stays for at least the grace period; so no order of the two does harm, and a
/// mark need not be fresh.
/// </remarks>
public sealed class TierSweep(IContentTier tier, CacheInventory inventory, IGrainFactory grains, RetentionOptions options, TimeProvider time)
{
    /// <summary>Finds out what stays.</summary>
    public async Task<TierMarks> MarkAsync(RetentionRun run, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var (oldest, kept) = await UnfinishedAsync(run.Pools);
        kept.UnionWith((await inventory.ReadAsync(cancellationToken)).Select(s => s.Blob));
        var mayGo = Earlier(now, oldest ?? now) - options.Grace - tier.UseResolution;
        var since = Earlier(mayGo, now - (run.Request.OlderThan ?? options.KeepContent));
        if ((run.Request.MaxBytes ?? options.MaxContentBytes) is > 0 and var bound)
            since = Later(since, Earlier(mayGo, await UnusedSinceAsync(kept, bound, cancellationToken)));
        return new TierMarks(kept, since);
    }

    /// <summary>Goes through the blobs whose digest begins with this byte.</summary>
    public async Task<RetentionTally> SweepAsync(TierMarks marks, byte first, CancellationToken cancellationToken)
    {
        var tally = new RetentionTally();
        await foreach (var blob in tier.ListAsync(first, cancellationToken))
        {
            var goes = !marks.Kept.Contains(blob.Digest) && blob.LastUsed < marks.UnusedSince && await tier.RemoveUnusedAsync(blob.Digest, marks.UnusedSince, cancellationToken);
            tally += goes ? new RetentionTally { Blobs = 1, BlobBytes = blob.Size } : new RetentionTally { BlobsLeft = 1, BytesLeft = blob.Size };
        }
        return tally;
    }

    /// <summary>When the oldest unfinished build was submitted, and what those that run rely on. What one that waits relies on was used when it was submitted.</summary>
    private async Task<(DateTimeOffset? Oldest, HashSet<Digest> Content)> UnfinishedAsync(IReadOnlyList<string> pools)
    {
        DateTimeOffset? oldest = null;
        var content = new HashSet<Digest>();
        foreach (var pool in pools)
        {
            var status = await grains.GetGrain<IQueueGrain>(pool).GetStatusAsync(1);
            foreach (var at in status.Running.Select(r => r.Build.SubmittedAt).Concat(status.Waiting.Select(w => w.Since)))
                oldest = Earlier(oldest ?? at, at);
            foreach (var build in status.Running)
                content.UnionWith(await grains.GetGrain<IQueueMember>(build.Build.Owner).GetContentAsync());
        }
        return (oldest, content);
    }

    /// <summary>The time of last use below which blobs have to go so that no more than these bytes are left: to the hour, which takes no memory.</summary>
    private async Task<DateTimeOffset> UnusedSinceAsync(HashSet<Digest> kept, long bound, CancellationToken cancellationToken)
    {
        var byHour = new SortedDictionary<long, long>();
        long total = 0;
        for (var first = 0; first <= byte.MaxValue; first++)
        {
            await foreach (var blob in tier.ListAsync((byte)first, cancellationToken))
            {
                total += blob.Size;
                var hour = blob.LastUsed.UtcTicks / TimeSpan.TicksPerHour;
                if (!kept.Contains(blob.Digest))
                    byHour[hour] = byHour.GetValueOrDefault(hour) + blob.Size;
            }
        }
        var since = DateTimeOffset.MinValue;
        foreach (var (hour, bytes) in byHour)
        {
            if (total <= bound)
                break;
            total -= bytes;
            since = new DateTimeOffset((hour + 1) * TimeSpan.TicksPerHour, TimeSpan.Zero);
        }
        return since;
    }

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;

    private static DateTimeOffset Later(DateTimeOffset a, DateTimeOffset b) => a > b ? a : b;
}

/// <summary>What stays.</summary>
/// <param name="Kept">Blobs that are needed, however long nobody used them.</param>
/// <param name="UnusedSince">Of the others, those go that nobody used since.</param>
public sealed record TierMarks(IReadOnlySet<Digest> Kept, DateTimeOffset UnusedSince);
