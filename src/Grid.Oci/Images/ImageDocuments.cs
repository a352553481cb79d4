using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Grid.Oci.Images;

/// <summary>
/// Reads the JSON documents of an image and refuses what two readers could understand differently (CVE-2021-41190): both <c>layers</c> and
/// <c>manifests</c>, a media type that contradicts the declared one, members that stand twice or differ from a known one by case only.
/// </summary>
public static class ImageDocuments
{
    /// <summary>The largest manifest or index read: 4 MiB, the size registries are asked to accept (OCI distribution-spec).</summary>
    public const int MaxManifestBytes = 4 << 20;

    /// <summary>The largest configuration read: 16 MiB; labels of big applications reach a megabyte.</summary>
    public const int MaxConfigBytes = 16 << 20;

    private static readonly string[] Members = ["schemaVersion", "mediaType", "config", "layers", "manifests", "annotations"];

    /// <summary>What a document is: its own <c>mediaType</c> and the one it came with must agree when both are there, one must be there.</summary>
    /// <param name="document">The bytes.</param>
    /// <param name="declared">From the Content-Type or the descriptor; a type that says nothing about images (<c>application/json</c>) counts as none.</param>
    /// <param name="image">For messages.</param>
    public static string MediaTypeOf(ReadOnlyMemory<byte> document, string? declared, string image)
    {
        var own = Inspect(document, image);
        if (!MediaTypes.IsIndex(declared) && !MediaTypes.IsManifest(declared))
            declared = IsGeneric(declared) ? null : throw new ImageFormatException(NotAnImage(image, declared!));
        if (own is not null && declared is not null && own != declared)
            throw new ImageFormatException(
                $"{image}: the manifest was delivered as '{declared}' but calls itself '{own}'; it is refused because readers would disagree about it");
        var type = own ?? declared ?? throw new ImageFormatException($"{image}: the manifest names no media type, and none came with it");
        return MediaTypes.IsIndex(type) || MediaTypes.IsManifest(type) ? type : throw new ImageFormatException(NotAnImage(image, type));
    }

    /// <summary>Reads a manifest and checks its descriptors.</summary>
    public static ImageManifest ReadManifest(ReadOnlyMemory<byte> document, string image)
    {
        Inspect(document, image);
        var manifest = Parse(document, OciJsonContext.Documents.ImageManifest, image, "manifest");
        manifest = manifest with { Layers = manifest.Layers ?? [] };
        Check(manifest.Config, image, "the configuration");
        foreach (var layer in manifest.Layers)
            Check(layer, image, "a layer");
        if (manifest.SchemaVersion != 2)
            throw new ImageFormatException(
                $"{image}: manifest schema version {manifest.SchemaVersion} is not supported; push the image again with a current tool");
        if (manifest.Config.MediaType is not (MediaTypes.OciConfig or MediaTypes.DockerConfig))
            throw new ImageFormatException($"{image} is not a container image: its configuration is of type '{manifest.Config.MediaType}'");
        return manifest;
    }

    /// <summary>Reads an index and checks its descriptors.</summary>
    public static ImageIndex ReadIndex(ReadOnlyMemory<byte> document, string image)
    {
        Inspect(document, image);
        var index = Parse(document, OciJsonContext.Documents.ImageIndex, image, "index");
        index = index with { Manifests = index.Manifests ?? [] };
        foreach (var manifest in index.Manifests)
            Check(manifest, image, "a manifest of the index");
        return index;
    }

    /// <summary>Reads a configuration.</summary>
    public static ImageConfig ReadConfig(ReadOnlyMemory<byte> document, string image)
    {
        var config = Parse(document, OciJsonContext.Documents.ImageConfig, image, "configuration");
        RequireText(document, image);
        if (config.History?.Any(entry => entry is null) == true || config.Config?.Env?.Any(line => line is null) == true
            || config.Config?.Labels?.Values.Any(value => value is null) == true)
            throw new ImageFormatException($"{image}: the configuration has a null among its history, variables or labels");
        return config with
        {
            Os = config.Os ?? "",
            Architecture = config.Architecture ?? "",
            Config = config.Config ?? new ContainerConfig(),
            RootFs = config.RootFs is { DiffIds: not null } rootFs ? rootFs : new RootFs(),
        };
    }

    /// <summary>Writes a configuration; equal values give equal bytes.</summary>
    public static byte[] Write(ImageConfig config) => JsonSerializer.SerializeToUtf8Bytes(config, OciJsonContext.Documents.ImageConfig);

    /// <summary>Writes a manifest; equal values give equal bytes.</summary>
    public static byte[] Write(ImageManifest manifest) =>
        JsonSerializer.SerializeToUtf8Bytes(manifest, OciJsonContext.Documents.ImageManifest);

    /// <summary>Writes an index; equal values give equal bytes.</summary>
    public static byte[] Write(ImageIndex index) => JsonSerializer.SerializeToUtf8Bytes(index, OciJsonContext.Documents.ImageIndex);

    /// <summary>Reads a small blob as a whole.</summary>
    /// <exception cref="ImageFormatException">It is larger than <paramref name="limit"/> bytes.</exception>
    public static async Task<ReadOnlyMemory<byte>> ReadBytesAsync(
        IBlobSource blobs, Descriptor blob, int limit, CancellationToken cancellationToken)
    {
        if (blob.Size > limit)
            throw new ImageFormatException($"blob {blob.Digest} ({blob.MediaType}) has {blob.Size} bytes; at most {limit} are accepted");
        await using var stream = await blobs.OpenAsync(blob, cancellationToken);
        await using var verified = new VerifyingStream(stream, blob, "the image's source");
        var bytes = new byte[blob.Size];
        await verified.ReadExactlyAsync(bytes, cancellationToken);
        if (await verified.ReadAsync(new byte[1], cancellationToken) != 0)
            throw new BlobMismatchException($"blob {blob.Digest} is longer than the {blob.Size} bytes of its descriptor");
        return bytes;
    }

    private static string? Inspect(ReadOnlyMemory<byte> document, string image)
    {
        try
        {
            using var json = JsonDocument.Parse(document, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw new ImageFormatException($"{image}: the manifest is not a JSON object");
            foreach (var member in json.RootElement.EnumerateObject())
            {
                if (Members.FirstOrDefault(known => member.Name.Equals(known, StringComparison.OrdinalIgnoreCase)) is { } name
                    && name != member.Name)
                    throw new ImageFormatException(
                        $"{image}: the manifest has a member '{member.Name}', which some readers would take for '{name}'; it is refused");
            }
            if (json.RootElement.TryGetProperty("layers", out _) && json.RootElement.TryGetProperty("manifests", out _))
                throw new ImageFormatException(
                    $"{image}: the manifest has both 'layers' and 'manifests'; it is refused because readers would disagree about what it is");
            return json.RootElement.TryGetProperty("mediaType", out var type) && type.ValueKind == JsonValueKind.String
                && type.GetString() is { Length: > 0 } own
                ? own
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            // The second is what text that is not UTF-8 gives once it is looked at.
            throw new ImageFormatException($"{image}: the manifest is not valid JSON: {e.Message}", e);
        }
    }

    // What we do not know is kept and written again, which fails later on strings that are no Unicode.
    private static void RequireText(ReadOnlyMemory<byte> document, string image)
    {
        try
        {
            var reader = new Utf8JsonReader(document.Span);
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
                    reader.GetString();
            }
        }
        catch (InvalidOperationException e)
        {
            throw new ImageFormatException($"{image}: the configuration holds text that is not Unicode: {e.Message}", e);
        }
    }

    private static T Parse<T>(ReadOnlyMemory<byte> document, JsonTypeInfo<T> type, string image, string what)
    {
        try
        {
            return JsonSerializer.Deserialize(document.Span, type) ?? throw new ImageFormatException($"{image}: the {what} is null");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ImageFormatException($"{image}: the {what} cannot be read: {e.Message}", e);
        }
    }

    private static void Check(Descriptor? descriptor, string image, string what)
    {
        if (descriptor is null || descriptor.Digest.IsEmpty || descriptor.Size < 0 || string.IsNullOrEmpty(descriptor.MediaType))
            throw new ImageFormatException($"{image}: the descriptor of {what} lacks a media type, a sha256 digest or a size");
    }

    private static bool IsGeneric(string? mediaType) =>
        mediaType is null or "" or "application/json" or "application/octet-stream" or "text/plain";

    private static string NotAnImage(string image, string type) =>
        type.StartsWith("application/vnd.docker.distribution.manifest.v1", StringComparison.Ordinal)
            ? $"{image} has a manifest of Docker's schema 1, which is not supported; push the image again with a current tool"
            : $"{image} is not a container image: its manifest is of type '{type}'";
}
