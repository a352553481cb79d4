using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle;

/// <summary>The blobs of a pinned image, found when the first one is wanted: a node that has all layers never asks the registry.</summary>
public sealed class ImageBlobs(ImageStores images, string location) : IBlobSource
{
    private readonly Lock _lock = new();
    private Task<IBlobSource>? _source;

    /// <inheritdoc/>
    public async Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        Task<IBlobSource> source;
        lock (_lock)
            source = _source is null or { IsFaulted: true } or { IsCanceled: true } ? _source = FindAsync(cancellationToken) : _source;
        return await (await source).OpenAsync(blob, cancellationToken);
    }

    private async Task<IBlobSource> FindAsync(CancellationToken cancellationToken)
    {
        var image = await images.FindAsync(ImageLocation.Parse(location), HostPlatform.Current, cancellationToken)
            ?? throw new ImageAccessException($"{location} is gone: its layers are needed and were there when the build was analyzed");
        return image.Blobs;
    }
}
