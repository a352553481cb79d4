using Grid.Oci.Images;

namespace Grid.Oci.Content;

/// <summary>
/// A directory of blobs by digest: <c>blobs/sha256/&lt;hex&gt;</c>, with unfinished ones in <c>ingest/</c>. A blob appears under its name only
/// when complete and verified. Safe for concurrent use, also by several processes.
/// </summary>
/// <remarks>
/// Nothing is fsynced: after a power failure a blob may be short or hold other bytes, which <see cref="OpenAsync"/> notices by its size and
/// <see cref="Check"/> by its digest. A blob's access time says when it was last used (<see cref="LastUsed"/>), on every file system.
/// </remarks>
public sealed class ContentStore : IBlobFiles
{
    /// <summary>How exact <see cref="LastUsed"/> is: noting every use would write to the disk for every read.</summary>
    public static readonly TimeSpan UseResolution = TimeSpan.FromMinutes(10);

    private readonly string _blobs;
    private readonly BlobTransfers _transfers;
    private readonly VerifiedBlobs _verified;
    private readonly StoreQuota? _quota;
    private readonly Lock _removing = new();

    /// <summary>Opens the store, making its directories when they are missing.</summary>
    /// <param name="directory">The store's directory.</param>
    /// <param name="maxBytes">Bytes of blobs at which the store takes no more (writers get an <see cref="IOException"/>); 0 for no bound.</param>
    public ContentStore(string directory, long maxBytes = 0)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        Root = Path.GetFullPath(directory);
        _blobs = Path.Combine(Root, "blobs", "sha256");
        Ingest = Path.Combine(Root, "ingest");
        Directory.CreateDirectory(_blobs);
        Directory.CreateDirectory(Ingest);
        _transfers = new BlobTransfers(this);
        _quota = maxBytes > 0 ? new StoreQuota(Root, maxBytes, List) : null;
        _verified = new VerifiedBlobs(Path.Combine(Root, "verified"));
    }

    /// <summary>The store's directory.</summary>
    public string Root { get; }

    /// <summary>Where unfinished blobs are.</summary>
    internal string Ingest { get; }

    /// <summary>Whether the blob is here.</summary>
    public bool Contains(Digest digest) => File.Exists(PathOf(digest));

    /// <summary>Whether the blob is here. Counts as use.</summary>
    public bool IsHere(Digest digest) => Use(digest);

    /// <summary>The file a blob has or would have.</summary>
    public string PathOf(Digest digest) =>
        digest.IsEmpty ? throw new ArgumentException("an empty digest addresses no blob", nameof(digest)) : Path.Combine(_blobs, digest.Hex);

    /// <inheritdoc/>
    public Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(Open(blob));
    }

    /// <inheritdoc/>
    string? IBlobFiles.PathOf(Descriptor blob) => IsComplete(blob) ? PathOf(blob.Digest) : null;

    /// <summary>As <see cref="OpenAsync"/>, without a task: a local file opens at once.</summary>
    public Stream Open(Descriptor blob)
    {
        FileStream file;
        try
        {
            file = new FileStream(PathOf(blob.Digest), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        }
        catch (FileNotFoundException)
        {
            throw new BlobNotFoundException($"the blob {blob.Digest} is not in the content store {Root}");
        }
        if (file.Length == blob.Size)
        {
            Use(blob.Digest);
            return file;
        }
        var length = file.Length;
        file.Dispose();
        throw new BlobNotFoundException(
            $"the blob {blob.Digest} in the content store {Root} has {length} bytes instead of {blob.Size}: it is damaged, delete {PathOf(blob.Digest)}");
    }

    /// <summary>Stores bytes and names them.</summary>
    public Task<Descriptor> PutAsync(ReadOnlyMemory<byte> content, string mediaType, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(Put(content.Span, mediaType));
    }

    /// <summary>As <see cref="PutAsync"/>, without a task.</summary>
    public Descriptor Put(ReadOnlySpan<byte> content, string mediaType)
    {
        var digest = Digest.Compute(content);
        if (IsComplete(new Descriptor(mediaType, digest, content.Length)))
            return new Descriptor(mediaType, digest, content.Length);
        using var writer = CreateWriter();
        writer.Write(content);
        return writer.Commit(mediaType);
    }

    /// <summary>Starts a blob whose digest is not known yet.</summary>
    public BlobWriter CreateWriter() => new(this);

    /// <summary>
    /// Makes a blob present: when it is missing it is read from <paramref name="source"/> and verified by digest and size. Concurrent callers for one
    /// digest share one transfer, which ends when the last of them cancels; when it fails, each other caller tries its own source.
    /// </summary>
    public Task EnsureAsync(Descriptor blob, IBlobSource source, CancellationToken cancellationToken) =>
        IsComplete(blob) ? Task.CompletedTask : _transfers.EnsureAsync(blob, source, cancellationToken);

    /// <summary>
    /// Whether the blob can be relied on: its size each time, its digest the first time since the machine started. A damaged one is removed. Counts as
    /// use: a collector leaves it from now on.
    /// </summary>
    public BlobCheck Check(Descriptor blob)
    {
        if (!Use(blob.Digest))
            return BlobCheck.Missing;
        var file = new FileInfo(PathOf(blob.Digest));
        if (!file.Exists)
            return BlobCheck.Missing;
        if (file.Length == blob.Size && (_verified.Contains(blob.Digest, file.LastWriteTimeUtc) || IsRight(blob, file)))
            return BlobCheck.Intact;
        Delete(blob.Digest);
        return BlobCheck.Damaged;
    }

    /// <summary>All blobs, in no order; those that come and go meanwhile may be among them or not.</summary>
    public IEnumerable<StoredBlob> List() => List("");

    /// <summary>The blobs whose digest begins with these hexadecimal digits.</summary>
    internal IEnumerable<StoredBlob> List(string prefix)
    {
        foreach (var file in new DirectoryInfo(_blobs).EnumerateFiles(prefix + "*").Where(f => f.Exists))
        {
            if (Digest.TryParse("sha256:" + file.Name, out var digest))
                yield return new StoredBlob(digest, file.Length, UsedAt(file));
        }
    }

    /// <summary>When the blob was last used, give or take <see cref="UseResolution"/>; null when it is not here.</summary>
    public DateTimeOffset? LastUsed(Digest digest) => new FileInfo(PathOf(digest)) is { Exists: true } file ? UsedAt(file) : null;

    /// <summary>Removes a blob unless it has been used since; says whether it did. Whoever uses it at the same moment either keeps it or finds it missing.</summary>
    public bool DeleteUnused(Digest digest, DateTimeOffset since)
    {
        lock (_removing)
        {
            if (LastUsed(digest) is not { } used || used >= since)
                return false;
            Delete(digest);
            return true;
        }
    }

    /// <summary>Removes a blob; one that is not there is no error. Who has it open keeps reading it.</summary>
    public void Delete(Digest digest)
    {
        var file = new FileInfo(PathOf(digest));
        if (!file.Exists)
            return;
        var length = file.Length;
        file.Delete();
        Release(length);
    }

    /// <summary>Takes room for bytes that are about to be written.</summary>
    /// <exception cref="IOException">The store is at its bound.</exception>
    internal void Reserve(long bytes) => _quota?.Reserve(bytes);

    /// <summary>Gives room back.</summary>
    internal void Release(long bytes) => _quota?.Release(bytes);

    /// <summary>Removes what unfinished writers of an earlier process left. Call at start, before anybody writes.</summary>
    public void Recover()
    {
        foreach (var file in Directory.EnumerateFiles(Ingest))
            File.Delete(file);
    }

    /// <summary>Whether the blob is here with the size its descriptor promises.</summary>
    internal bool IsComplete(Descriptor blob) => Use(blob.Digest) && new FileInfo(PathOf(blob.Digest)) is { Exists: true } file && file.Length == blob.Size;

    /// <summary>Whether the blob is here with this length and has been verified. Counts as use: no collection takes it from who relies on the answer.</summary>
    internal bool IsVerified(Digest digest, long length) =>
        Use(digest) && new FileInfo(PathOf(digest)) is { Exists: true } file && file.Length == length && _verified.Contains(digest, file.LastWriteTimeUtc);

    /// <summary>Notes a blob that its writer has hashed.</summary>
    internal void Verified(Digest digest)
    {
        Use(digest);
        _verified.Add(digest, File.GetLastWriteTimeUtc(PathOf(digest)));
    }

    /// <summary>Notes that the blob is used; false when it is not here.</summary>
    internal bool Use(Digest digest)
    {
        var path = PathOf(digest);
        lock (_removing)
        {
            var now = TimeProvider.System.GetUtcNow();
            var file = new FileInfo(path);
            if (!file.Exists)
                return false;
            if (now - UsedAt(file) > UseResolution)
                File.SetLastAccessTimeUtc(path, now.UtcDateTime);
            return true;
        }
    }

    private static DateTimeOffset UsedAt(FileInfo file) => new(file.LastAccessTimeUtc, TimeSpan.Zero);

    private bool IsRight(Descriptor blob, FileInfo file)
    {
        using var content = new FileStream(file.FullName, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0);
        if (Digest.FromSha256(System.Security.Cryptography.SHA256.HashData(content)) != blob.Digest)
            return false;
        _verified.Add(blob.Digest, file.LastWriteTimeUtc);
        return true;
    }
}

/// <summary>A blob in a content store.</summary>
/// <param name="Digest">Its digest.</param>
/// <param name="Size">Its bytes.</param>
/// <param name="LastUsed">When it was last used, give or take <see cref="ContentStore.UseResolution"/>.</param>
public sealed record StoredBlob(Digest Digest, long Size, DateTimeOffset LastUsed);
