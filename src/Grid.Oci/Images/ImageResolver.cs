namespace Grid.Oci.Images;

/// <summary>From a manifest or index to an image: picks the platform, reads the configuration, pairs layers with diff IDs.</summary>
public static class ImageResolver
{
    // An index of indexes of indexes: deeper nesting exists only to make readers work.
    private const int MaxDepth = 4;

    /// <summary>Reads the image behind a root document.</summary>
    /// <param name="name">The image's name, for messages.</param>
    /// <param name="root">Descriptor of the document; its media type decides what it is.</param>
    /// <param name="document">The document's bytes, already verified.</param>
    /// <param name="platform">Which image of an index is wanted.</param>
    /// <param name="blobs">Where manifests, configuration and layers are read from.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    public static async Task<Image> ResolveAsync(
        string name, Descriptor root, ReadOnlyMemory<byte> document, Platform platform, IBlobSource blobs, CancellationToken cancellationToken)
    {
        for (var depth = 0; MediaTypes.IsIndex(root.MediaType); depth++)
        {
            if (depth == MaxDepth)
                throw new ImageFormatException($"{name}: indexes are nested more than {MaxDepth} deep");
            var index = ImageDocuments.ReadIndex(document, name);
            root = PlatformSelection.Select(index.Manifests, platform)
                ?? throw new ImageFormatException(
                    $"{name} has no image for {PlatformSelection.Describe(platform)}; it has {PlatformSelection.Describe(index.Manifests)}");
            document = await ImageDocuments.ReadBytesAsync(blobs, root, ImageDocuments.MaxManifestBytes, cancellationToken);
            root = root with { MediaType = ImageDocuments.MediaTypeOf(document, root.MediaType, name) };
        }
        var manifest = ImageDocuments.ReadManifest(document, name);
        var config = ImageDocuments.ReadConfig(
            await ImageDocuments.ReadBytesAsync(blobs, manifest.Config, ImageDocuments.MaxConfigBytes, cancellationToken), name);
        if (config.RootFs.DiffIds.Count != manifest.Layers.Count)
            throw new ImageFormatException(
                $"{name}: the manifest has {manifest.Layers.Count} layers but the configuration {config.RootFs.DiffIds.Count} diff IDs");
        if (config.RootFs.DiffIds.Any(id => id.IsEmpty))
            throw new ImageFormatException($"{name}: the configuration has an empty diff ID");
        var layers = manifest.Layers.Zip(config.RootFs.DiffIds, (blob, diffId) => new Layer(blob, diffId));
        return new Image(
            new Descriptor(root.MediaType, root.Digest, document.Length), config, [.. layers], blobs) { ConfigBlob = manifest.Config };
    }
}

/// <summary>Chooses the entry of an index that fits a platform.</summary>
internal static class PlatformSelection
{
    /// <summary>The entry for the platform, or null. Without a wished variant the plainest one is taken; an entry without a platform only when it stands alone.</summary>
    public static Descriptor? Select(IReadOnlyList<Descriptor> manifests, Platform wanted)
    {
        var images = manifests.Where(entry => MediaTypes.IsManifest(entry.MediaType) || MediaTypes.IsIndex(entry.MediaType)).ToList();
        if (images is [{ Platform: null } only])
            return only;
        var fitting = images.Where(entry =>
            entry.Platform is { } platform && platform.Os == wanted.Os && platform.Architecture == wanted.Architecture).ToList();
        if (wanted.Variant is null)
            return fitting.Find(entry => Plain(entry.Platform!)) ?? fitting.FirstOrDefault();
        return fitting.Find(entry => entry.Platform!.Variant == wanted.Variant)
            ?? (Plain(wanted) ? fitting.Find(entry => Plain(entry.Platform!)) : null)
            ?? fitting.Find(entry => string.IsNullOrEmpty(entry.Platform!.Variant));
    }

    public static string Describe(IReadOnlyList<Descriptor> manifests)
    {
        var platforms = manifests
            .Where(entry => entry.Platform is { Os: not "unknown" })
            .Select(entry => Describe(entry.Platform!))
            .Distinct().ToList();
        return platforms.Count == 0 ? "no platforms at all" : string.Join(", ", platforms);
    }

    public static string Describe(Platform platform) =>
        $"{platform.Os}/{platform.Architecture}" + (string.IsNullOrEmpty(platform.Variant) ? "" : "/" + platform.Variant);

    // "v8" is what every arm64 processor is; naming it says nothing.
    private static bool Plain(Platform platform) =>
        string.IsNullOrEmpty(platform.Variant)
            || platform is { Architecture: "arm64", Variant: "v8" } or { Architecture: "amd64", Variant: "v1" };
}
