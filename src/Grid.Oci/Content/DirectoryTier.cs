using System.Globalization;
using System.Runtime.CompilerServices;

namespace Grid.Oci.Content;

/// <summary>A shared tier in a directory: on one host, or on a file system that every node mounts.</summary>
/// <remarks>
/// What changes whether a blob counts as used, or is there, holds a lock that all processes see. A look at a blob that was used lately needs none, as no
/// collection takes such a one.
/// </remarks>
public sealed class DirectoryTier(string directory) : IContentTier
{
    private const string MediaType = "application/octet-stream";

    /// <summary>EWOULDBLOCK: somebody else holds the lock.</summary>
    private const int WouldBlock = 11;
    private static readonly TimeSpan LockRetry = TimeSpan.FromMilliseconds(5);
    private readonly ContentStore _store = new(directory);
    private readonly string _lock = Path.Combine(directory, "lock");

    /// <inheritdoc/>
    public TimeSpan UseResolution => ContentStore.UseResolution;

    /// <inheritdoc/>
    public async Task<long?> FindAsync(Digest digest, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_store.LastUsed(digest) is not { } used)
            return null;
        if (TimeProvider.System.GetUtcNow() - used <= UseResolution)
            return SizeOf(digest);
        using var locked = await LockAsync(cancellationToken);
        return _store.Use(digest) ? SizeOf(digest) : null;
    }

    /// <inheritdoc/>
    public async Task<Stream> OpenAsync(Digest digest, CancellationToken cancellationToken) =>
        _store.Open(new Images.Descriptor(MediaType, digest, await FindAsync(digest, cancellationToken) ?? 0));

    /// <inheritdoc/>
    public async Task PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        if (await FindAsync(digest, cancellationToken) == content.Length - content.Position)
            return;
        await using var writer = _store.CreateWriter();
        await content.CopyToAsync(writer, cancellationToken);
        using var locked = await LockAsync(cancellationToken);
        writer.Commit(MediaType, digest);
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoredBlob> ListAsync(byte first, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var prefix = first.ToString("x2", CultureInfo.InvariantCulture);
        foreach (var blob in await Task.Run(() => _store.List(prefix).ToList(), cancellationToken))
            yield return blob;
    }

    /// <inheritdoc/>
    public async Task<bool> RemoveUnusedAsync(Digest digest, DateTimeOffset notUsedSince, CancellationToken cancellationToken)
    {
        using var locked = await LockAsync(cancellationToken);
        return _store.DeleteUnused(digest, notUsedSince);
    }

    private long? SizeOf(Digest digest) => new FileInfo(_store.PathOf(digest)) is { Exists: true } file ? file.Length : null;

    /// <summary>The lock of all processes that use the directory. It is held for moments, and goes with the process that holds it.</summary>
    private async Task<FileStream> LockAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return new FileStream(_lock, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            }
            catch (IOException e) when (e.HResult == WouldBlock)
            {
                await Task.Delay(LockRetry, TimeProvider.System, cancellationToken);
            }
        }
    }
}
