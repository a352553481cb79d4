using System.Collections.Concurrent;
using Grid.Oci.Images;

namespace Grid.Oci.Content;

/// <summary>A node's store with a shared tier behind it: brings what others made, and gives others what this node made.</summary>
/// <param name="store">The node's store.</param>
/// <param name="tier">The tier; null for a node that is alone, whose store is all there is.</param>
public sealed class TieredContent(ContentStore store, IContentTier? tier)
{
    /// <summary>The tier says nothing of types, and nobody asks: who reads a blob knows what it is.</summary>
    private const string MediaType = "application/octet-stream";

    private const int Parallel = 4;

    /// <summary>How often this process says that it still uses a blob it has.</summary>
    private static readonly TimeSpan Renewal = TimeSpan.FromHours(1);
    private const int MaxRemembered = 100_000;
    private readonly ConcurrentDictionary<Digest, long> _renewed = new();

    /// <summary>
    /// Brings blobs to the store that it has not, verified, each once however many ask at the same time. One that is nowhere is left out: whoever opens
    /// it says so. Those it has are kept in the tier too, for the node that goes on when this one is lost.
    /// </summary>
    public Task FetchAsync(IReadOnlyCollection<Digest> blobs, CancellationToken cancellationToken) => tier is null ? Task.CompletedTask
        : EachAsync(blobs, digest => !store.Contains(digest) || IsDue(digest), async (digest, token) =>
        {
            if (store.Contains(digest))
                await RenewAsync(tier, digest, token);
            else if (await tier.FindAsync(digest, token) is { } size)
                await FetchAsync(tier, new Descriptor(MediaType, digest, size), token);
        }, cancellationToken);

    /// <summary>
    /// Brings one blob. When it is damaged twice, it is so in the tier and not on the way: it is removed there, so that a node that has it puts it there
    /// again, or the work that made it is done again, instead of everybody failing at it for ever.
    /// </summary>
    private async Task FetchAsync(IContentTier tier, Descriptor blob, CancellationToken cancellationToken)
    {
        try
        {
            await store.EnsureAsync(blob, new TierBlobs(tier), cancellationToken);
        }
        catch (InvalidDataException)
        {
            try
            {
                await store.EnsureAsync(blob, new TierBlobs(tier), cancellationToken);
            }
            catch (InvalidDataException e)
            {
                await tier.RemoveUnusedAsync(blob.Digest, DateTimeOffset.MaxValue, cancellationToken);
                throw new InvalidDataException($"the blob {blob.Digest} was damaged in the shared content tier, and has been removed from it; build again ({e.Message})", e);
            }
        }
    }

    /// <summary>Puts blobs of the store into the tier. When it returns they outlive this node; one the store has not is left out.</summary>
    public Task PublishAsync(IReadOnlyCollection<Digest> blobs, CancellationToken cancellationToken) => tier is null ? Task.CompletedTask
        : EachAsync(blobs, store.Contains, async (digest, token) =>
        {
            await using var file = new FileStream(store.PathOf(digest), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
            if (await tier.FindAsync(digest, token) != file.Length)
                await tier.PutAsync(digest, file, token);
        }, cancellationToken);

    /// <summary>Whether a blob can be had here, from the store or the tier; from then on it is kept.</summary>
    public async Task<bool> HasAsync(Digest digest, CancellationToken cancellationToken)
    {
        if (!store.IsHere(digest))
            return tier is not null && await tier.FindAsync(digest, cancellationToken) is not null;
        if (tier is not null && IsDue(digest))
            await RenewAsync(tier, digest, cancellationToken);
        return true;
    }

    /// <summary>Whether a blob can be had here: from the store or the tier.</summary>
    public async Task<bool> HasAsync(Descriptor blob, CancellationToken cancellationToken) =>
        store.IsComplete(blob) || tier is not null && await tier.FindAsync(blob.Digest, cancellationToken) == blob.Size;

    private bool IsDue(Digest digest) => !_renewed.TryGetValue(digest, out var at) || TimeProvider.System.GetElapsedTime(at) > Renewal;

    /// <summary>Says to the tier that a blob is used; one that the tier has lost is put there again.</summary>
    private async Task RenewAsync(IContentTier tier, Digest digest, CancellationToken cancellationToken)
    {
        var now = TimeProvider.System.GetTimestamp();
        if (await tier.FindAsync(digest, cancellationToken) is null)
            await PublishAsync([digest], cancellationToken);
        if (_renewed.Count >= MaxRemembered)
            _renewed.Clear();
        _renewed[digest] = now;
    }

    private static Task EachAsync(IEnumerable<Digest> blobs, Func<Digest, bool> wanted, Func<Digest, CancellationToken, ValueTask> action, CancellationToken cancellationToken) =>
        System.Threading.Tasks.Parallel.ForEachAsync(blobs.Where(b => !b.IsEmpty).Distinct().Where(wanted), new ParallelOptions { MaxDegreeOfParallelism = Parallel, CancellationToken = cancellationToken }, action);

    /// <summary>The tier as the store's source.</summary>
    private sealed class TierBlobs(IContentTier tier) : IBlobSource
    {
        public Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken) => tier.OpenAsync(blob.Digest, cancellationToken);
    }
}
