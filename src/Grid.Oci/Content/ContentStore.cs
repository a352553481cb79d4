using Grid.Oci.Images;

namespace Grid.Oci.Content;

/// <summary>
/// A directory of blobs by digest: <c>blobs/sha256/&lt;hex&gt;</c>, with unfinished ones in <c>ingest/</c>. A blob appears under its name only
/// when complete and verified. Safe for concurrent use, also by several processes.
/// </summary>
/// <remarks>Nothing is fsynced: after a power failure a blob may be short, which <see cref="OpenAsync"/> notices by its size.</remarks>
public sealed class ContentStore : IBlobSource
{
    private readonly string _blobs;
    private readonly BlobTransfers _transfers;

    /// <summary>Opens the store, making its directories when they are missing.</summary>
    public ContentStore(string directory)
    {
        ArgumentException.ThrowIfNullOrEmpty(directory);
        Root = Path.GetFullPath(directory);
        _blobs = Path.Combine(Root, "blobs", "sha256");
        Ingest = Path.Combine(Root, "ingest");
        Directory.CreateDirectory(_blobs);
        Directory.CreateDirectory(Ingest);
        _transfers = new BlobTransfers(this);
    }

    /// <summary>The store's directory.</summary>
    public string Root { get; }

    /// <summary>Where unfinished blobs are.</summary>
    internal string Ingest { get; }

    /// <summary>Whether the blob is here.</summary>
    public bool Contains(Digest digest) => File.Exists(PathOf(digest));

    /// <summary>The file a blob has or would have.</summary>
    public string PathOf(Digest digest) =>
        digest.IsEmpty ? throw new ArgumentException("an empty digest addresses no blob", nameof(digest)) : Path.Combine(_blobs, digest.Hex);

    /// <inheritdoc/>
    public Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(Open(blob));
    }

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
            return file;
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
        if (new FileInfo(PathOf(digest)) is { Exists: true } existing && existing.Length == content.Length)
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

    /// <summary>Removes a blob; one that is not there is no error. Who has it open keeps reading it.</summary>
    public void Delete(Digest digest) => File.Delete(PathOf(digest));

    /// <summary>Removes what unfinished writers of an earlier process left. Call at start, before anybody writes.</summary>
    public void Recover()
    {
        foreach (var file in Directory.EnumerateFiles(Ingest))
            File.Delete(file);
    }

    /// <summary>Whether the blob is here with the size its descriptor promises.</summary>
    internal bool IsComplete(Descriptor blob) => new FileInfo(PathOf(blob.Digest)) is { Exists: true } file && file.Length == blob.Size;
}
