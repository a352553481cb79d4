using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;

namespace Grid.Oci.Layers;

/// <summary>
/// The source of an application (or any directory of a user) on its way to a worker: a tar with relative names, modes, links and content, without
/// owners and times, so that equal sources have one digest.
/// </summary>
public static class SourceArchive
{
    /// <summary>
    /// Packs a directory of the host. <paramref name="include"/> is asked with the relative path ("src/a.txt") and whether it is a directory; below a
    /// directory it refuses nothing is looked at. Devices, FIFOs and sockets throw <see cref="InvalidDataException"/>.
    /// </summary>
    public static Layer Pack(ContentStore store, string hostDirectory, Func<string, bool, bool> include, CancellationToken cancellationToken) =>
        Pack(store, new RootedDirectory(hostDirectory), "/", include, cancellationToken);

    /// <summary>Packs a directory of a tree that may be hostile, such as the build context an extension wrote.</summary>
    public static Layer Pack(ContentStore store, IFileTree tree, string path, Func<string, bool, bool> include, CancellationToken cancellationToken)
    {
        using var writer = LayerWriter.Create(store);
        Pack(writer, tree, path.TrimEnd('/') + "/", "", include, cancellationToken);
        return writer.Complete();
    }

    /// <summary>
    /// Unpacks into a directory of the host, which is made when missing; files that are there already stay or are replaced. Everything is given to
    /// <paramref name="owner"/>. An archive that holds anything but files, directories and links, that names something outside, that goes through a
    /// link, is larger than the limits or is not the one its digests name throws <see cref="InvalidDataException"/>.
    /// </summary>
    public static Task UnpackAsync(
        ContentStore store, Layer archive, string hostDirectory, Owner owner, LayerLimits limits, CancellationToken cancellationToken)
    {
        // setuid and setgid would work for the owner the files are given to, who is not who made them.
        var rules = new ExtractionRules { Owner = owner, ModeMask = 0x3FF };
        return Task.Run(
            () =>
            {
                Directory.CreateDirectory(hostDirectory);
                using var extractor = new TreeExtractor(hostDirectory, rules);
                LayerUnpacker.Extract(store, archive, extractor, limits, cancellationToken);
            },
            cancellationToken);
    }

    /// <summary>
    /// Applies a layer of an image to a directory of the host that holds what is below it: as <see cref="UnpackAsync"/>, but its whiteouts remove what is
    /// there. A device, or an entry that goes through a link, throws <see cref="InvalidDataException"/> here too.
    /// </summary>
    public static Task ApplyAsync(ContentStore store, Layer layer, string hostDirectory, Owner owner, LayerLimits limits, CancellationToken cancellationToken)
    {
        var rules = new ExtractionRules { Owner = owner, ModeMask = 0x3FF, Whiteouts = true, WhiteoutsRemove = true };
        return Task.Run(
            () =>
            {
                using var extractor = new TreeExtractor(hostDirectory, rules);
                LayerUnpacker.Extract(store, layer, extractor, limits, cancellationToken);
            },
            cancellationToken);
    }

    /// <summary>
    /// Reads an archive to its end without unpacking it, and hands out each entry with its content, in the archive's order. What was handed out is to be thrown away
    /// when this throws <see cref="InvalidDataException"/>: only at the end it is known that the archive is the one its digests name.
    /// </summary>
    public static void Read(ContentStore store, Layer archive, LayerLimits limits, Action<LayerEntry, Stream> take, CancellationToken cancellationToken) =>
        LayerUnpacker.ReadAll(store, archive, limits, take, cancellationToken);

    private static void Pack(
        LayerWriter writer, IFileTree tree, string root, string directory, Func<string, bool, bool> include, CancellationToken cancellationToken)
    {
        foreach (var file in tree.List(root + directory))
        {
            cancellationToken.ThrowIfCancellationRequested();
            var path = directory + file.Name;
            if (!include(path, file.IsDirectory))
                continue;
            var entry = new LayerEntry(path, TypeOf(file.Kind, path)) { Mode = file.Mode, Size = file.Size, LinkTarget = file.LinkTarget };
            using (var content = file.Size > 0 ? tree.OpenRead(root + path) : null)
                writer.Write(entry, content);
            if (file.IsDirectory)
                Pack(writer, tree, root, path + "/", include, cancellationToken);
        }
    }

    private static LayerEntryType TypeOf(FileKind kind, string path) => kind switch
    {
        FileKind.Regular => LayerEntryType.File,
        FileKind.Directory => LayerEntryType.Directory,
        FileKind.SymbolicLink => LayerEntryType.SymbolicLink,
        _ => throw new InvalidDataException($"'{path}' is a {kind}; source code has only files, directories and links: delete or ignore it"),
    };
}
