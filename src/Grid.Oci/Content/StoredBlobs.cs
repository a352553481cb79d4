using Grid.Oci.Images;

namespace Grid.Oci.Content;

/// <summary>Blobs of a store; one it lacks is brought into it from somewhere else first, verified, and stays.</summary>
public sealed class StoredBlobs(ContentStore store, IBlobSource source) : IBlobSource
{
    /// <inheritdoc/>
    public async Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        await store.EnsureAsync(blob, source, cancellationToken);
        return await store.OpenAsync(blob, cancellationToken);
    }
}
