using System.Security.Cryptography;
using Grid.Oci;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Restore;

/// <summary>A cached layer is missing or is not what it should be.</summary>
internal sealed class CacheContentException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>Unpacks layers made by <see cref="DirectoryLayer"/> back to where they came from. Nothing in them can land anywhere else.</summary>
internal sealed class CachedLayerUnpacker(IFileTree files, IBlobSource blobs, Owner owner)
{
    private const int FileMode = 0x1A4; // 0644

    /// <summary>Makes the directory what the layer says; what was there before is removed.</summary>
    /// <exception cref="CacheContentException">The blob is not to be had, has another diff ID, or holds what no layer directory can hold.</exception>
    public Task UnpackAsync(Layer layer, string directory, CancellationToken cancellationToken)
    {
        files.Delete(directory);
        var links = new HashSet<string>();
        return ReadAsync(layer, (entry, content) => Place(entry, content, directory, links), cancellationToken);
    }

    /// <summary>Writes single files of a layer to other places: <paramref name="target"/> gives the place, or null for those not wanted.</summary>
    /// <exception cref="CacheContentException">As for <see cref="UnpackAsync"/>.</exception>
    public Task ExtractAsync(Layer layer, Func<string, string?> target, CancellationToken cancellationToken) => ReadAsync(
        layer,
        (entry, content) =>
        {
            if (entry.Type == LayerEntryType.File && target(Absolute(entry.Path)) is { } path)
                Write(path, FileMode, content);
        },
        cancellationToken);

    private async Task ReadAsync(Layer layer, Action<LayerEntry, Stream> visit, CancellationToken cancellationToken)
    {
        try
        {
            await using var blob = await blobs.OpenAsync(layer.Blob, cancellationToken);
            ReadEntries(layer, blob, visit, cancellationToken);
        }
        catch (Exception e) when (e is BlobNotFoundException or BlobMismatchException or ImageAccessException or HttpRequestException or FormatException or InvalidDataException)
        {
            throw new CacheContentException(e.Message, e);
        }
    }

    private static void ReadEntries(Layer layer, Stream blob, Action<LayerEntry, Stream> visit, CancellationToken cancellationToken)
    {
        using var sha = SHA256.Create();
        using var tar = new CryptoStream(LayerReader.Decompress(blob, layer.Blob.MediaType), sha, CryptoStreamMode.Read);
        var reader = new LayerReader(tar);
        while (reader.Next() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            visit(entry, reader.Content);
        }
        tar.CopyTo(Stream.Null);
        if (Digest.FromSha256(sha.Hash) != layer.DiffId)
            throw new CacheContentException($"blob {layer.Blob.Digest} does not hold the layer {layer.DiffId} it should");
    }

    private void Place(LayerEntry entry, Stream content, string directory, HashSet<string> links)
    {
        var path = Absolute(entry.Path);
        // Parents stand in every layer; they are there already.
        if (entry.Type == LayerEntryType.Directory && (directory + "/").StartsWith(path + "/", StringComparison.Ordinal) && path != directory)
            return;
        if (path != directory && !path.StartsWith(directory + "/", StringComparison.Ordinal))
            throw new CacheContentException($"it holds '{entry.Path}', which is not below {directory}");
        RefuseThroughLink(path, directory, links);
        switch (entry.Type)
        {
            case LayerEntryType.Directory:
                files.CreateDirectory(path, entry.Mode, owner);
                break;
            case LayerEntryType.File:
                Write(path, entry.Mode, content);
                break;
            case LayerEntryType.SymbolicLink:
                files.CreateSymbolicLink(path, entry.LinkTarget ?? "", owner);
                links.Add(path);
                break;
            default:
                throw new CacheContentException($"'{entry.Path}' is a {entry.Type}, which cannot be restored");
        }
    }

    private static void RefuseThroughLink(string path, string directory, HashSet<string> links)
    {
        for (var slash = path.IndexOf('/', Math.Min(directory.Length + 1, path.Length)); slash > 0; slash = path.IndexOf('/', slash + 1))
        {
            if (links.Contains(path[..slash]))
                throw new CacheContentException($"it holds '{path}' below a symbolic link");
        }
    }

    private void Write(string path, int mode, Stream content)
    {
        using var file = files.CreateFile(path, mode, owner);
        content.CopyTo(file);
    }

    private static string Absolute(string path)
    {
        var parts = path.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return parts.Contains("..") || parts.Contains(".")
            ? throw new CacheContentException($"it holds the path '{path}'")
            : "/" + string.Join('/', parts);
    }
}
