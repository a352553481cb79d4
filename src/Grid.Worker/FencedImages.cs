using Grid.Lifecycle;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Worker;

/// <summary>
/// Images whose names are written with a permit only. Blobs and manifest go to the registry first, by digest, which anybody may; what is left to do for
/// the name takes one request, so that the permit need not last.
/// </summary>
internal sealed class FencedImages(IImageStore images, PublishPermit permit) : IImageStore
{
    private readonly HashSet<string> _staged = new(StringComparer.Ordinal);

    public bool Handles(ImageLocation location) => images.Handles(location);

    public Task<Image?> FindAsync(ImageLocation location, Platform platform, CancellationToken cancellationToken) => images.FindAsync(location, platform, cancellationToken);

    public Task CheckWriteAsync(ImageLocation location, CancellationToken cancellationToken) => images.CheckWriteAsync(location, cancellationToken);

    public async Task<ImageLocation> PushAsync(ImageContent image, ImageLocation target, IProgress<PushProgress>? progress, CancellationToken cancellationToken)
    {
        if (target is not ImageLocation.Registry { Reference: var reference })
        {
            // Nothing can be there without a name; and a node's own engine or directory is written by that node alone.
            await permit.EnsureAsync(target, cancellationToken);
            return await images.PushAsync(image, target, progress, cancellationToken);
        }
        if (_staged.Add(reference.Name))
            await images.PushAsync(image, new ImageLocation.Registry(reference with { Tag = null, Digest = image.Digest }), progress, cancellationToken);
        return await permit.WriteAsync(target, token => NameAsync(image, reference, token), cancellationToken);
    }

    /// <summary>A name that an earlier attempt has written is not written again. The layers are there.</summary>
    private async Task<ImageLocation> NameAsync(ImageContent image, ImageReference reference, CancellationToken cancellationToken)
    {
        var name = new ImageLocation.Registry(reference);
        return permit.MayBeRepeated && await images.FindAsync(name, HostPlatform.Current, cancellationToken) is { } there && there.Manifest.Digest == image.Digest
            ? new ImageLocation.Registry(reference with { Digest = image.Digest })
            : await images.PushAsync(image with { Layers = [] }, name, progress: null, cancellationToken);
    }
}
