using System.Text.Json;
using Grid.Oci.Images;

namespace Grid.Oci.Layouts;

/// <summary>Reads and looks through the <c>index.json</c> of a layout.</summary>
internal static class LayoutIndex
{
    public const string RefName = "org.opencontainers.image.ref.name";
    private const string Marker = "oci-layout";
    private const int MaxDepth = 4;

    /// <summary>The index, or null when the directory does not exist, is empty, or holds no image yet.</summary>
    public static async Task<ImageIndex?> ReadAsync(string directory, CancellationToken cancellationToken)
    {
        var path = Path.Combine(directory, "index.json");
        if (!File.Exists(path))
            return null;
        await CheckMarkerAsync(directory, cancellationToken);
        var document = await ReadSmallAsync(path, cancellationToken);
        return ImageDocuments.ReadIndex(document, "layout " + directory);
    }

    /// <summary>The entry a location means, or null when it is not there. Entries of the same tag for several platforms become one index.</summary>
    public static async Task<IReadOnlyList<Descriptor>> FindAsync(
        ImageIndex index, ImageLocation.Layout location, IBlobSource blobs, CancellationToken cancellationToken)
    {
        if (!location.Digest.IsEmpty)
            return await FindAsync(index.Manifests, location.Digest, blobs, 0, cancellationToken) is { } found ? [found] : [];
        if (location.Tag is { } tag)
            return Tagged(index, tag);
        if (index.Manifests.Count < 2)
            return index.Manifests;
        var latest = Tagged(index, "latest");
        if (latest.Count > 0)
            return latest;
        var tags = index.Manifests.Select(TagOf).OfType<string>().Distinct().ToList();
        if (tags.Count < 2 && index.Manifests.All(entry => TagOf(entry) == tags.FirstOrDefault()))
            return index.Manifests;
        throw new ImageFormatException(
            $"layout {location.Directory} holds several images and none is tagged 'latest'; name one of its tags: {string.Join(", ", tags)}");
    }

    public static string? TagOf(Descriptor entry) => entry.Annotations?.GetValueOrDefault(RefName);

    public static async Task WriteMarkerAsync(string directory, CancellationToken cancellationToken)
    {
        var path = Path.Combine(directory, Marker);
        if (File.Exists(path))
            await CheckMarkerAsync(directory, cancellationToken);
        else
            await ReplaceAsync(path, """{"imageLayoutVersion":"1.0.0"}"""u8.ToArray(), cancellationToken);
    }

    /// <summary>Puts a file in place as a whole or not at all.</summary>
    public static async Task ReplaceAsync(string path, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            await using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None))
            {
                await file.WriteAsync(content, cancellationToken);
                file.Flush(flushToDisk: true);
            }
            File.Move(temporary, path, overwrite: true);
        }
        finally
        {
            File.Delete(temporary);
        }
    }

    private static List<Descriptor> Tagged(ImageIndex index, string tag) => [.. index.Manifests.Where(entry => TagOf(entry) == tag)];

    private static async Task<Descriptor?> FindAsync(
        IReadOnlyList<Descriptor> entries, Digest digest, IBlobSource blobs, int depth, CancellationToken cancellationToken)
    {
        if (entries.FirstOrDefault(entry => entry.Digest == digest) is { } found)
            return found;
        if (depth == MaxDepth)
            return null;
        foreach (var nested in entries.Where(entry => MediaTypes.IsIndex(entry.MediaType)))
        {
            var bytes = await ImageDocuments.ReadBytesAsync(blobs, nested, ImageDocuments.MaxManifestBytes, cancellationToken);
            var index = ImageDocuments.ReadIndex(bytes, nested.Digest.ToString());
            if (await FindAsync(index.Manifests, digest, blobs, depth + 1, cancellationToken) is { } deeper)
                return deeper;
        }
        return null;
    }

    private static async Task CheckMarkerAsync(string directory, CancellationToken cancellationToken)
    {
        var path = Path.Combine(directory, Marker);
        if (!File.Exists(path))
            throw new ImageFormatException($"{directory} has an index.json but no '{Marker}' file: it is not an OCI layout");
        try
        {
            using var json = JsonDocument.Parse(await ReadSmallAsync(path, cancellationToken));
            var version = json.RootElement.ValueKind == JsonValueKind.Object
                && json.RootElement.TryGetProperty("imageLayoutVersion", out var value)
                ? value.ToString()
                : "";
            if (!version.StartsWith("1.", StringComparison.Ordinal))
                throw new ImageFormatException($"{directory} is an OCI layout of version '{version}'; only 1.x can be read");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ImageFormatException($"{path} is not valid JSON: {e.Message}", e);
        }
    }

    private static async Task<byte[]> ReadSmallAsync(string path, CancellationToken cancellationToken)
    {
        var length = new FileInfo(path).Length;
        if (length > ImageDocuments.MaxManifestBytes)
            throw new ImageFormatException($"{path} has {length} bytes; at most {ImageDocuments.MaxManifestBytes} are accepted");
        return await File.ReadAllBytesAsync(path, cancellationToken);
    }
}
