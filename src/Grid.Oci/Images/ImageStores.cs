namespace Grid.Oci.Images;

/// <summary>All the places this process can reach, behind one door: asks the store that handles a location.</summary>
public sealed class ImageStores(IEnumerable<IImageStore> stores) : IImageStore
{
    private readonly IReadOnlyList<IImageStore> _stores = [.. stores];

    /// <inheritdoc/>
    public bool Handles(ImageLocation location) => _stores.Any(store => store.Handles(location));

    /// <inheritdoc/>
    public Task<Image?> FindAsync(ImageLocation location, Platform platform, CancellationToken cancellationToken) =>
        For(location).FindAsync(location, platform, cancellationToken);

    /// <inheritdoc/>
    public Task CheckWriteAsync(ImageLocation location, CancellationToken cancellationToken) =>
        For(location).CheckWriteAsync(location, cancellationToken);

    /// <inheritdoc/>
    public Task<ImageLocation> PushAsync(
        ImageContent image, ImageLocation target, IProgress<PushProgress>? progress, CancellationToken cancellationToken) =>
        For(target).PushAsync(image, target, progress, cancellationToken);

    private IImageStore For(ImageLocation location) =>
        _stores.FirstOrDefault(store => store.Handles(location))
        ?? throw new NotSupportedException(
            $"'{location}' is {Kind(location)}, and none is configured here; use another kind of location, or a node that has it");

    private static string Kind(ImageLocation location) => location switch
    {
        ImageLocation.Registry => "an image in a registry",
        ImageLocation.Layout => "an image in an OCI layout directory",
        _ => "an image of a Docker engine",
    };
}
