using System.Security.Cryptography;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;

namespace Grid.Oci.Layers;

/// <summary>Unpacks layers into directories that overlayfs takes as lower directories.</summary>
public static class LayerUnpacker
{
    /// <summary>
    /// Unpacks one layer into a directory that is missing or empty, with owners, modes, times, attributes and device nodes (needs root).
    /// Whiteouts become those of overlayfs. What the layer leaves to the ones below (parents, targets of hard links) is looked up in
    /// <paramref name="lowerDirectories"/>, top first.
    /// </summary>
    /// <exception cref="InvalidDataException">
    /// The tar is malformed, hostile or beyond the limits, or not the one the diff ID names. The target is removed, as with every other failure.
    /// </exception>
    public static Task UnpackAsync(
        ContentStore store, Layer layer, string targetDirectory, IReadOnlyList<string> lowerDirectories, LayerLimits limits, CancellationToken cancellationToken)
    {
        var rules = new ExtractionRules
        {
            Whiteouts = true,
            Nodes = true,
            ParentLinks = true,
            Xattrs = true,
            Lowers = new LowerDirectories(lowerDirectories),
        };
        return Task.Run(() => UnpackNew(store, layer, targetDirectory, rules, limits, cancellationToken), cancellationToken);
    }

    /// <summary>Applies a layer to a directory that holds the image below it: whiteouts remove what is there (needs root).</summary>
    /// <exception cref="InvalidDataException">The tar is malformed, hostile or not the one the diff ID names; what came before in it is applied.</exception>
    public static Task ApplyAsync(ContentStore store, Layer layer, string targetDirectory, CancellationToken cancellationToken)
    {
        var rules = new ExtractionRules { Whiteouts = true, WhiteoutsRemove = true, Nodes = true, ParentLinks = true, Xattrs = true };
        return Task.Run(
            () =>
            {
                using var extractor = new TreeExtractor(targetDirectory, rules);
                Extract(store, layer, extractor, new LayerLimits(), cancellationToken);
            },
            cancellationToken);
    }

    /// <summary>Reads a layer to its end, verifying its diff ID, and hands each entry to the extractor.</summary>
    internal static void Extract(
        ContentStore store, Layer layer, TreeExtractor extractor, LayerLimits limits, CancellationToken cancellationToken)
    {
        ReadAll(store, layer, limits, extractor.Extract, cancellationToken);
        extractor.Complete();
    }

    /// <summary>Reads a layer to its end, hands out each entry with its content, and throws at the end when the diff ID is another one.</summary>
    internal static void ReadAll(ContentStore store, Layer layer, LayerLimits limits, Action<LayerEntry, Stream> take, CancellationToken cancellationToken)
    {
        using var blob = store.Open(layer.Blob);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var tar = new ReadAheadStream(LayerReader.Decompress(blob, layer.Blob.MediaType), hash.AppendData, limits.MaxBytes);
        var reader = new LayerReader(tar, limits);
        while (reader.Next() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            take(entry, reader.Content);
        }
        tar.ReadToEnd();
        var diffId = Digest.FromSha256(hash.GetCurrentHash());
        if (diffId != layer.DiffId)
            throw new InvalidDataException($"the layer {layer.Blob.Digest} unpacks to {diffId}, but its image names {layer.DiffId}: it is damaged or forged");
    }

    private static void UnpackNew(
        ContentStore store, Layer layer, string targetDirectory, ExtractionRules rules, LayerLimits limits, CancellationToken cancellationToken)
    {
        if (Directory.Exists(targetDirectory) && Directory.EnumerateFileSystemEntries(targetDirectory).Any())
            throw new IOException($"cannot unpack the layer {layer.DiffId} into '{targetDirectory}': it is not empty");
        Directory.CreateDirectory(targetDirectory);
        try
        {
            new RootedDirectory(targetDirectory).SetMode("/", 0x1ED);
            using var extractor = new TreeExtractor(targetDirectory, rules);
            Extract(store, layer, extractor, limits, cancellationToken);
        }
        catch (Exception failure)
        {
            Remove(targetDirectory, failure);
            if (failure is IOException { HResult: Errno.NoSpace or Errno.Quota })
                throw new IOException($"the disk of '{targetDirectory}' is full while the layer {layer.DiffId} is unpacked: free space or move it", failure);
            throw;
        }
    }

    private static void Remove(string targetDirectory, Exception failure)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(targetDirectory));
        try
        {
            new RootedDirectory(Path.GetDirectoryName(target)!).Delete("/" + Path.GetFileName(target));
        }
        catch (IOException e)
        {
            throw new IOException($"{failure.Message}; and what was unpacked until then could not be removed: {e.Message}", failure);
        }
    }
}
