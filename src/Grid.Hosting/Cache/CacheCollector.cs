using Grid.Contracts.Events;
using Grid.Contracts.Retention;
using Grid.Hosting.Retention;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Sandbox;

namespace Grid.Hosting.Cache;

/// <summary>
/// Removes what only saves time and is not worth its disk any more: expired steps, blobs and unpacked layers nobody used for long, old journals; and, when
/// a bound is exceeded, the least recently used of them.
/// </summary>
/// <remarks>
/// Never removed are: what was used since shortly before the oldest unfinished build was accepted (every use is noted: <see cref="ContentStore.LastUsed"/>),
/// blobs of cached steps that live on (a step is forgotten before its blob goes), and unpacked layers that are mounted. A step or blob that a build begins to
/// use at the very moment is kept or found missing, never found and then lost.
/// </remarks>
public sealed class CacheCollector(
    CacheInventory inventory, ContentStore content, IBuildJournals journals, CacheOptions options, TimeProvider time, ISnapshotCache? snapshots = null,
    IGrainFactory? grid = null, BuildExpiry? builds = null) : IDisposable
{
    private readonly SemaphoreSlim _one = new(1);

    /// <summary>Collects once; a second caller waits for the first.</summary>
    public async Task<CacheCollection> CollectAsync(CacheLimits limits, CancellationToken cancellationToken)
    {
        await _one.WaitAsync(cancellationToken);
        try
        {
            var started = _time.GetTimestamp();
            var done = await new Run(this, limits, await OldestUnfinishedAsync()).CollectAsync(cancellationToken);
            CacheMetrics.Collected(done, _time.GetElapsedTime(started));
            return done;
        }
        finally
        {
            _one.Release();
        }
    }

    public void Dispose() => _one.Dispose();

    /// <summary>Here and on other nodes: a step that is forgotten is forgotten for all of them.</summary>
    private async Task<DateTimeOffset?> OldestUnfinishedAsync()
    {
        var here = _journals.OldestUnfinished;
        return _grid is null || await _grid.GetGrain<IRetentionGrain>(IRetentionGrain.Key).OldestUnfinishedAsync() is not { } elsewhere ? here
            : here is { } at && at < elsewhere ? here : elsewhere;
    }

    /// <summary>One collection.</summary>
    private sealed class Run
    {
        private readonly CacheCollector _collector;
        private readonly CacheLimits _limits;
        private readonly DateTimeOffset _now;
        private readonly DateTimeOffset _protectedSince;
        private CacheCollection _done = new();
        private List<CachedStepInfo> _live = [];

        public Run(CacheCollector collector, CacheLimits limits, DateTimeOffset? oldest)
        {
            _collector = collector;
            _limits = limits;
            _now = collector._time.GetUtcNow();
            _protectedSince = oldest is null && limits.WithoutGrace ? DateTimeOffset.MaxValue
                : (oldest is { } at && at < _now ? at : _now) - collector._options.Grace - ContentStore.UseResolution;
        }

        public async Task<CacheCollection> CollectAsync(CancellationToken cancellationToken)
        {
            await ForgetDueStepsAsync(cancellationToken);
            await ForgetBeyondTenantsQuotaAsync();
            RemoveUnused(cancellationToken);
            await RemoveBeyondQuotaAsync(cancellationToken);
            _done = _done with
            {
                Journals = await RemoveJournalsAsync(cancellationToken),
                BytesLeft = Total(),
            };
            return _done with { BytesOver = MaxBytes > 0 ? Math.Max(0, _done.BytesLeft - MaxBytes) : 0 };
        }

        private long MaxBytes => _limits.MaxBytes ?? _collector._options.MaxBytes;

        /// <summary>What was not used since this moment has been lying here for too long.</summary>
        private DateTimeOffset UnusedSince => Earlier(_protectedSince, _limits.All ? DateTimeOffset.MaxValue : _now - (_limits.OlderThan ?? _collector._options.KeepUnused));

        private async Task ForgetDueStepsAsync(CancellationToken cancellationToken)
        {
            _live = [.. await _collector._inventory.ReadAsync(cancellationToken)];
            foreach (var step in _live.ToArray())
            {
                var due = _limits.All || (step.Step.Finished is { } finished && finished.CreatedAt + _collector._options.Steps.TimeToLive <= _now)
                    || (_limits.OlderThan is { } age && step.LastUsedAt < _now - age);
                if (due)
                    await ForgetAsync(step);
            }
        }

        private async Task ForgetBeyondTenantsQuotaAsync()
        {
            foreach (var scope in _live.GroupBy(s => s.Catalog.Scope).ToList())
            {
                var (node, tenant) = (_collector._options.MaxBytesPerTenant, await _collector._inventory.MaxBytesOfAsync(scope.Key));
                var quota = node <= 0 ? tenant : tenant <= 0 ? node : Math.Min(node, tenant);
                if (quota <= 0)
                    continue;
                var steps = scope.OrderBy(s => s.LastUsedAt).ToList();
                var bytes = steps.DistinctBy(s => s.Blob).Sum(s => s.Size);
                for (var i = 0; i < steps.Count && bytes > quota; i++)
                {
                    if (!await ForgetAsync(steps[i]))
                        continue;
                    bytes = steps.Intersect(_live).DistinctBy(s => s.Blob).Sum(s => s.Size);
                }
            }
        }

        private void RemoveUnused(CancellationToken cancellationToken)
        {
            var roots = _live.Select(s => s.Blob).ToHashSet();
            foreach (var blob in _collector._content.List().Where(b => !roots.Contains(b.Digest)).ToList())
            {
                cancellationToken.ThrowIfCancellationRequested();
                Remove(blob, UnusedSince);
            }
            foreach (var snapshot in Snapshots().Where(s => s.LastUsed < UnusedSince).ToList())
                Remove(snapshot);
        }

        /// <summary>The least recently used first, of what no cached step needs; then cached steps with their blobs.</summary>
        private async Task RemoveBeyondQuotaAsync(CancellationToken cancellationToken)
        {
            var total = Total();
            if (MaxBytes <= 0 || total <= MaxBytes)
                return;
            var roots = _live.Select(s => s.Blob).ToHashSet();
            var victims = _collector._content.List().Where(b => !roots.Contains(b.Digest)).Select(b => (b.LastUsed, Remove: (Func<long>)(() => Remove(b, _protectedSince))))
                .Concat(Snapshots().Select(s => (s.LastUsed, Remove: (Func<long>)(() => Remove(s)))))
                .Where(v => v.LastUsed < _protectedSince).OrderBy(v => v.LastUsed).ToList();
            foreach (var victim in victims)
            {
                cancellationToken.ThrowIfCancellationRequested();
                if (total <= MaxBytes)
                    return;
                total -= victim.Remove();
            }
            foreach (var step in _live.OrderBy(s => s.LastUsedAt).ToList())
            {
                if (total <= MaxBytes)
                    return;
                if (await ForgetAsync(step) && !step.Blob.IsEmpty && !_live.Exists(s => s.Blob == step.Blob))
                    total -= Remove(new StoredBlob(step.Blob, step.Size, step.LastUsedAt), _protectedSince);
            }
        }

        /// <summary>A build whose journal is gone is not kept either.</summary>
        private async Task<int> RemoveJournalsAsync(CancellationToken cancellationToken)
        {
            var removed = _collector._journals.RemoveFinished(_limits.All ? DateTimeOffset.MaxValue : _now - (_limits.OlderThan ?? _collector._options.KeepJournals));
            if (_collector._builds is { } builds)
            {
                foreach (var build in removed)
                    await builds.ForgetAsync(build, cancellationToken);
            }
            return removed.Count;
        }

        private async Task<bool> ForgetAsync(CachedStepInfo step)
        {
            if (!await _collector._inventory.ForgetAsync(step, _protectedSince))
                return false;
            _live.Remove(step);
            _done = _done with { Steps = _done.Steps + 1 };
            return true;
        }

        private long Remove(StoredBlob blob, DateTimeOffset notUsedSince)
        {
            if (!_collector._content.DeleteUnused(blob.Digest, notUsedSince))
                return 0;
            _done = _done with { Blobs = _done.Blobs + 1, BlobBytes = _done.BlobBytes + blob.Size };
            return blob.Size;
        }

        private long Remove(UnpackedLayer snapshot)
        {
            if (!_collector._snapshots!.TryRemoveUnpacked(snapshot.Name))
                return 0;
            _done = _done with { Snapshots = _done.Snapshots + 1, SnapshotBytes = _done.SnapshotBytes + snapshot.Bytes };
            return snapshot.Bytes;
        }

        private IEnumerable<UnpackedLayer> Snapshots() => _collector._snapshots?.ListUnpacked() ?? [];

        private long Total() => _collector._content.List().Sum(b => b.Size) + Snapshots().Sum(s => s.Bytes);

        private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;
    }

    private readonly CacheInventory _inventory = inventory;
    private readonly ContentStore _content = content;
    private readonly IBuildJournals _journals = journals;
    private readonly CacheOptions _options = options;
    private readonly TimeProvider _time = time;
    private readonly ISnapshotCache? _snapshots = snapshots;
    private readonly IGrainFactory? _grid = grid;
    private readonly BuildExpiry? _builds = builds;
}
