using System.Security.Cryptography;
using Grid.Oci.Layers;

namespace Grid.Oci.Images;

/// <summary>Checks an image against itself, by reading all of it.</summary>
public static class ImageValidator
{
    /// <summary>
    /// All inconsistencies, in words; empty for a sound image. Manifest and configuration are compared with the view, every blob is read for its
    /// digest and size, every layer is unpacked for its diff ID (bounded: an unpacked layer may have <paramref name="maxLayerBytes"/> bytes).
    /// </summary>
    public static async Task<IReadOnlyList<string>> ValidateAsync(
        Image image, CancellationToken cancellationToken, long maxLayerBytes = 64L << 30)
    {
        var problems = new List<string>();
        await TryAsync(problems, "manifest", () => CheckManifestAsync(image, problems, cancellationToken));
        CheckView(image, problems);
        foreach (var layer in image.Layers)
            await TryAsync(
                problems, $"layer {layer.Blob.Digest}", () => CheckLayerAsync(image, layer, maxLayerBytes, problems, cancellationToken));
        return problems;
    }

    private static async Task CheckManifestAsync(Image image, List<string> problems, CancellationToken cancellationToken)
    {
        var document = await ImageDocuments.ReadBytesAsync(image.Blobs, image.Manifest, ImageDocuments.MaxManifestBytes, cancellationToken);
        var name = image.Manifest.Digest.ToString();
        ImageDocuments.MediaTypeOf(document, image.Manifest.MediaType, name);
        var manifest = ImageDocuments.ReadManifest(document, name);
        if (image.ConfigBlob is { } blob && blob.Digest != manifest.Config.Digest)
            problems.Add($"the manifest's configuration is {manifest.Config.Digest}, the image's {blob.Digest}");
        if (!manifest.Layers.Select(layer => (layer.Digest, layer.Size)).SequenceEqual(image.Layers.Select(layer => (layer.Blob.Digest, layer.Blob.Size))))
            problems.Add("the manifest's layers are not the image's");
        var docker = manifest.Config.MediaType == MediaTypes.DockerConfig;
        if (docker != (image.Manifest.MediaType == MediaTypes.DockerManifest))
            problems.Add($"a manifest of type '{image.Manifest.MediaType}' has a configuration of type '{manifest.Config.MediaType}'");
        var config = ImageDocuments.ReadConfig(
            await ImageDocuments.ReadBytesAsync(image.Blobs, manifest.Config, ImageDocuments.MaxConfigBytes, cancellationToken), name);
        if (!config.RootFs.DiffIds.SequenceEqual(image.Layers.Select(layer => layer.DiffId)))
            problems.Add("the configuration's diff IDs are not those of the image's layers");
    }

    private static void CheckView(Image image, List<string> problems)
    {
        if (image.Config.Os.Length == 0 || image.Config.Architecture.Length == 0)
            problems.Add("the configuration names no operating system or no processor");
        if (!image.Config.RootFs.DiffIds.SequenceEqual(image.Layers.Select(layer => layer.DiffId)))
            problems.Add("the configuration in memory has other diff IDs than the layers");
        var entries = image.Config.History?.Count(entry => !entry.EmptyLayer) ?? 0;
        if (image.Config.History is { Count: > 0 } && entries != image.Layers.Count)
            problems.Add($"the history has {entries} entries that are not empty for {image.Layers.Count} layers");
    }

    private static async Task CheckLayerAsync(
        Image image, Layer layer, long maxBytes, List<string> problems, CancellationToken cancellationToken)
    {
        await using var blob = new VerifyingStream(
            await image.Blobs.OpenAsync(layer.Blob, cancellationToken), layer.Blob, "the image's source");
        var content = LayerReader.Decompress(blob, layer.Blob.MediaType);
        await using (content)
        {
            var diffId = await HashAsync(content, maxBytes, cancellationToken);
            // Bytes behind the last gzip member would otherwise go unread and unverified.
            await blob.CopyToAsync(Stream.Null, cancellationToken);
            if (diffId != layer.DiffId)
                problems.Add($"layer {layer.Blob.Digest} unpacks to {diffId}, the configuration says {layer.DiffId}");
        }
    }

    private static async Task<Digest> HashAsync(Stream content, long maxBytes, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[1 << 17];
        for (long total = 0; ;)
        {
            var read = await content.ReadAsync(buffer, cancellationToken);
            if (read == 0)
                return Digest.FromSha256(hash.GetHashAndReset());
            hash.AppendData(buffer, 0, read);
            if ((total += read) > maxBytes)
                throw new InvalidDataException($"it unpacks to more than {maxBytes} bytes");
        }
    }

    private static async Task TryAsync(List<string> problems, string what, Func<Task> check)
    {
        try
        {
            await check();
        }
        catch (Exception e) when (e is IOException or FormatException or InvalidDataException)
        {
            problems.Add($"{what}: {e.Message}");
        }
    }
}
