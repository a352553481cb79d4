namespace Grid.Oci.Content;

/// <summary>A shared tier in a directory: on one host, or on a file system that every node mounts.</summary>
public sealed class DirectoryTier(string directory) : IContentTier
{
    private const string MediaType = "application/octet-stream";
    private readonly ContentStore _store = new(directory);

    /// <inheritdoc/>
    public Task<long?> FindAsync(Digest digest, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult<long?>(new FileInfo(_store.PathOf(digest)) is { Exists: true } file ? file.Length : null);
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
        writer.Commit(MediaType, digest);
    }
}
