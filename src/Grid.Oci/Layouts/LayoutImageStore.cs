using Grid.Oci.Images;

namespace Grid.Oci.Layouts;

/// <summary>Images in OCI layout directories (OCI image-spec, image-layout.md). Several images may share one, by tag.</summary>
public sealed class LayoutImageStore : IImageStore
{
    private static readonly TimeSpan LockPatience = TimeSpan.FromSeconds(30);

    /// <inheritdoc/>
    public bool Handles(ImageLocation location) => location is ImageLocation.Layout;

    /// <inheritdoc/>
    public async Task<Image?> FindAsync(ImageLocation location, Platform platform, CancellationToken cancellationToken)
    {
        var layout = LayoutOf(location);
        var index = await LayoutIndex.ReadAsync(layout.Directory, cancellationToken);
        if (index is null)
            return null;
        var blobs = new LayoutBlobs(layout.Directory);
        var entries = await LayoutIndex.FindAsync(index, layout, blobs, cancellationToken);
        if (entries.Count == 0)
            return null;
        var name = location.ToString();
        var root = entries.Count == 1
            ? entries[0]
            : PlatformSelection.Select(entries, platform)
                ?? throw new ImageFormatException(
                    $"{name} has no image for {PlatformSelection.Describe(platform)}; it has {PlatformSelection.Describe(entries)}");
        var document = await ImageDocuments.ReadBytesAsync(blobs, root, ImageDocuments.MaxManifestBytes, cancellationToken);
        var type = ImageDocuments.MediaTypeOf(document, root.MediaType, name);
        return await ImageResolver.ResolveAsync(name, root with { MediaType = type }, document, platform, blobs, cancellationToken);
    }

    /// <inheritdoc/>
    public Task CheckWriteAsync(ImageLocation location, CancellationToken cancellationToken)
    {
        var layout = LayoutOf(location);
        cancellationToken.ThrowIfCancellationRequested();
        var directory = layout.Directory;
        while (!Directory.Exists(directory))
            directory = Path.GetDirectoryName(directory) is { Length: > 0 } parent ? parent : "/";
        try
        {
            var probe = Path.Combine(directory, $".grid-{Guid.NewGuid():N}.tmp");
            new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose).Dispose();
            return Task.CompletedTask;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ImageAccessException(
                $"cannot write to layout {layout.Directory}: {e.Message} Check the owner and mode of {directory}.", null, e);
        }
    }

    /// <inheritdoc/>
    public async Task<ImageLocation> PushAsync(
        ImageContent image, ImageLocation target, IProgress<PushProgress>? progress, CancellationToken cancellationToken)
    {
        var layout = LayoutOf(target);
        if (!layout.Digest.IsEmpty && layout.Digest != image.Digest)
            throw new ArgumentException(
                $"cannot write to {layout}: the image's digest is {image.Digest}; leave the digest out", nameof(target));
        try
        {
            var writer = new LayoutWriter(layout.Directory, progress);
            await writer.PrepareAsync(cancellationToken);
            foreach (var layer in image.Layers.DistinctBy(layer => layer.Layer.Blob.Digest))
                await writer.WriteAsync(layer.Layer.Blob, layer.Blobs, cancellationToken);
            var memory = new MemoryBlobs();
            await writer.WriteAsync(memory.Add(image.Config, image.ConfigMediaType), memory, cancellationToken);
            await writer.WriteAsync(memory.Add(image.Manifest, image.ManifestMediaType), memory, cancellationToken);
            using var held = await LayoutLock.AcquireAsync(layout.Directory, LockPatience, cancellationToken);
            await AddToIndexAsync(layout, image, cancellationToken);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ImageAccessException($"cannot write to layout {layout.Directory}: {e.Message} Check its owner and mode.", null, e);
        }
        return layout with { Digest = image.Digest };
    }

    // The same tag (and, for an image without one, whatever has none) for the same platform is replaced; everything else stays.
    private static async Task AddToIndexAsync(ImageLocation.Layout layout, ImageContent image, CancellationToken cancellationToken)
    {
        var index = await LayoutIndex.ReadAsync(layout.Directory, cancellationToken) ?? new ImageIndex { MediaType = MediaTypes.OciIndex };
        var config = ImageDocuments.ReadConfig(image.Config, layout.ToString());
        var entry = image.ManifestDescriptor with
        {
            Platform = new Platform(config.Os, config.Architecture) { Variant = config.Variant },
            Annotations = layout.Tag is null
                ? null
                : new Dictionary<string, string>(StringComparer.Ordinal) { [LayoutIndex.RefName] = layout.Tag },
        };
        var kept = index.Manifests.Where(other => LayoutIndex.TagOf(other) != layout.Tag
            || (other.Platform is { } platform && platform != entry.Platform));
        index = index with { Manifests = [.. kept, entry] };
        await LayoutIndex.ReplaceAsync(Path.Combine(layout.Directory, "index.json"), ImageDocuments.Write(index), cancellationToken);
    }

    private static ImageLocation.Layout LayoutOf(ImageLocation location) =>
        location as ImageLocation.Layout
            ?? throw new ArgumentException($"'{location}' is not in an OCI layout directory", nameof(location));
}
