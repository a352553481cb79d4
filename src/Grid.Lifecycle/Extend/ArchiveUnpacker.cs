using Grid.Oci.FileSystem;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Extend;

/// <summary>ADD's unpacking of local archives into an image: tar, plain or compressed. Every path stays inside the image's tree.</summary>
internal static class ArchiveUnpacker
{
    /// <summary>Unpacks the file when it is an archive; false when it is something else, to be copied as it is.</summary>
    public static bool TryUnpack(IFileTree source, string path, IFileTree image, string destination, CancellationToken cancellationToken)
    {
        using var file = source.OpenRead(path);
        using var tar = LayerReader.Decompress(file, "");
        var reader = new LayerReader(tar);
        try
        {
            var entry = First(reader);
            if (entry is null)
                return false;
            for (; entry is not null; entry = reader.Next())
            {
                cancellationToken.ThrowIfCancellationRequested();
                Write(image, destination, entry, reader.Content);
            }
            return true;
        }
        catch (InvalidDataException e)
        {
            throw new FormatException($"the archive {path.TrimStart('/')} is broken: {e.Message}", e);
        }
    }

    /// <summary>The first entry, or null when this is no archive at all.</summary>
    private static LayerEntry? First(LayerReader reader)
    {
        try
        {
            return reader.Next();
        }
        catch (InvalidDataException)
        {
            return null;
        }
    }

    private static void Write(IFileTree image, string destination, LayerEntry entry, Stream content)
    {
        var parts = entry.Path.Split('/').Where(p => p is not ("" or ".")).ToList();
        if (parts.Count == 0)
            return;
        if (parts.Contains(".."))
            throw new FormatException($"the archive names '{entry.Path}', which leads out of it");
        var target = destination.TrimEnd('/') + "/" + string.Join('/', parts);
        // Parents that the archive does not name are ours, whatever is first in it.
        image.CreateDirectory(target[..target.LastIndexOf('/')], 0b111_101_101, default(Owner));
        if (entry.Type == LayerEntryType.Directory)
        {
            image.CreateDirectory(target, entry.Mode, entry.Owner);
            image.SetMode(target, entry.Mode);
            image.ChangeOwner(target, entry.Owner, recursive: false);
            return;
        }
        image.Delete(target);
        switch (entry.Type)
        {
            case LayerEntryType.File:
                using (var output = image.CreateFile(target, entry.Mode, entry.Owner))
                    content.CopyTo(output);
                break;
            case LayerEntryType.SymbolicLink:
                image.CreateSymbolicLink(target, entry.LinkTarget!, entry.Owner);
                break;
            case LayerEntryType.HardLink:
                image.CreateHardLink(target, destination.TrimEnd('/') + "/" + entry.LinkTarget!.TrimStart('.', '/'));
                break;
            default:
                throw new FormatException($"the archive holds the device or fifo '{entry.Path}', which ADD does not unpack");
        }
    }
}
