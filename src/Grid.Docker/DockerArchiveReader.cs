using System.Formats.Tar;
using System.Security.Cryptography;
using System.Text.Json;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layouts;

namespace Grid.Docker;

/// <summary>
/// Reads what <c>docker save</c> writes into a directory of blobs. Layers become blobs as they are (plain tars by their diff ID, mostly), and the
/// manifest, which Docker does not keep, is made anew.
/// </summary>
internal sealed class DockerArchiveReader(string directory)
{
    private const int MaxLinks = 16;
    private readonly Dictionary<string, Descriptor> _files = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _links = new(StringComparer.Ordinal);

    /// <summary>Reads the archive's only image (the first, when there are several). <paramref name="name"/> is for messages.</summary>
    public async Task<Image> ReadAsync(Stream archive, string name, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.Combine(directory, "blobs", "sha256"));
        await SpoolAsync(archive, name, cancellationToken);
        var blobs = new LayoutBlobs(directory);
        var entry = ReadIndex(await BytesAsync("manifest.json", name, blobs, cancellationToken), name);
        var config = await BytesAsync(entry.Config, name, blobs, cancellationToken);
        var layers = entry.Layers.Select(path => LayerBlob(Find(path, name))).ToList();
        var manifest = ImageDocuments.Write(new ImageManifest
        {
            MediaType = MediaTypes.OciManifest,
            Config = new Descriptor(MediaTypes.OciConfig, Digest.Compute(config.Span), config.Length),
            Layers = layers,
        });
        var root = new Descriptor(MediaTypes.OciManifest, Digest.Compute(manifest), manifest.Length);
        await File.WriteAllBytesAsync(PathOf(root.Digest), manifest, cancellationToken);
        return await ImageResolver.ResolveAsync(name, root, manifest, new Platform("linux", ""), blobs, cancellationToken);
    }

    private async Task SpoolAsync(Stream archive, string name, CancellationToken cancellationToken)
    {
        try
        {
            await using var tar = new TarReader(archive, leaveOpen: true);
            while (await tar.GetNextEntryAsync(copyData: false, cancellationToken) is { } entry)
            {
                var path = Normalized(entry.Name);
                if (entry.EntryType is TarEntryType.SymbolicLink)
                    _links[path] = Normalized(Path.Combine(Path.GetDirectoryName(path) ?? "", entry.LinkName));
                else if (entry.EntryType is TarEntryType.HardLink)
                    _links[path] = Normalized(entry.LinkName);
                else if (entry.EntryType is TarEntryType.RegularFile or TarEntryType.V7RegularFile)
                    _files[path] = await StoreAsync(entry.DataStream ?? Stream.Null, cancellationToken);
            }
        }
        catch (InvalidDataException e)
        {
            throw new ImageFormatException($"{name}: what the Docker engine gave is not a valid tar: {e.Message}", e);
        }
    }

    private async Task<Descriptor> StoreAsync(Stream content, CancellationToken cancellationToken)
    {
        var temporary = Path.Combine(directory, Guid.NewGuid().ToString("N"));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        long size = 0;
        await using (var file = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0))
        {
            var buffer = new byte[1 << 17];
            for (int read; (read = await content.ReadAsync(buffer, cancellationToken)) > 0; size += read)
            {
                hash.AppendData(buffer, 0, read);
                await file.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
            }
        }
        var digest = Digest.FromSha256(hash.GetHashAndReset());
        File.Move(temporary, PathOf(digest), overwrite: true);
        return new Descriptor(MediaTypes.OciLayer, digest, size);
    }

    // Engines with the containerd image store give layers compressed as they were pulled.
    private Descriptor LayerBlob(Descriptor file)
    {
        Span<byte> start = stackalloc byte[4];
        using var stream = File.OpenRead(PathOf(file.Digest));
        var length = stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false);
        var type = start[..length] switch
        {
            [0x1F, 0x8B, ..] => MediaTypes.OciLayerGzip,
            [0x28, 0xB5, 0x2F, 0xFD] => MediaTypes.OciLayerZstd,
            _ => MediaTypes.OciLayer,
        };
        return file with { MediaType = type };
    }

    private async Task<ReadOnlyMemory<byte>> BytesAsync(string path, string name, LayoutBlobs blobs, CancellationToken cancellationToken) =>
        await ImageDocuments.ReadBytesAsync(blobs, Find(path, name), ImageDocuments.MaxConfigBytes, cancellationToken);

    private Descriptor Find(string path, string name)
    {
        var current = Normalized(path);
        for (var links = 0; links < MaxLinks; links++)
        {
            if (_files.TryGetValue(current, out var file))
                return file;
            if (!_links.TryGetValue(current, out var target))
                break;
            current = target;
        }
        throw new ImageFormatException($"{name}: the archive from the Docker engine lacks '{path}'; is there room on its disk?");
    }

    private static (string Config, List<string> Layers) ReadIndex(ReadOnlyMemory<byte> document, string name)
    {
        try
        {
            using var json = JsonDocument.Parse(document);
            var image = json.RootElement.EnumerateArray().First();
            var layers = image.GetProperty("Layers");
            return (image.GetProperty("Config").GetString() ?? "", layers.ValueKind == JsonValueKind.Null ? [] : [.. layers.EnumerateArray().Select(layer => layer.GetString() ?? "")]);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new ImageFormatException($"{name}: the manifest.json of the Docker engine's archive cannot be read: {e.Message}", e);
        }
    }

    // Names are only keys here: nothing is ever written under one.
    private static string Normalized(string path) => Path.GetFullPath("/" + path.TrimStart('/'));

    private string PathOf(Digest digest) => Path.Combine(directory, "blobs", "sha256", digest.Hex);
}
