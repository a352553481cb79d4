using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle;

/// <summary>
/// Blobs of an image that is somewhere else: from the node's store when it has them, otherwise from where the image is. That place is only asked when bytes
/// are really needed; a push into the registry they are in needs none.
/// </summary>
public sealed class OriginBlobs(IBlobSource store, ImageStores images, ImageLocation origin, Platform platform) : IBlobSource
{
    private readonly Lock _lock = new();
    private Task<Image?>? _image;

    /// <inheritdoc/>
    public async Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        try
        {
            return await store.OpenAsync(blob, cancellationToken);
        }
        catch (BlobNotFoundException)
        {
            // Not on this node: the origin has it.
        }
        Task<Image?> finding;
        lock (_lock)
        {
            // A failure is not kept: the next blob asks again. Whoever comes first pays; cancelling one reader must not fail the others.
            if (_image is null or { IsFaulted: true } or { IsCanceled: true })
                _image = images.FindAsync(origin, platform, CancellationToken.None);
            finding = _image;
        }
        var image = await finding.WaitAsync(cancellationToken)
            ?? throw new BlobNotFoundException($"blob {blob.Digest}: the image {origin} it belongs to is gone; build again");
        return await image.Blobs.OpenAsync(blob, cancellationToken);
    }
}
