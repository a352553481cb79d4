using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Sandbox.OciRuntime.Snapshots;

/// <summary>
/// Writes changes as a layer: parents before children, deletions before what is new in a directory, siblings by bytes of the name, one fixed
/// time for all. The same time is set in the upper directory, which becomes the unpacked layer on this node.
/// </summary>
internal sealed class UpperPacker(RootedDirectory upper, LayerWriter writer, CancellationToken cancellationToken)
{
    private readonly Dictionary<(ulong FileSystem, ulong Inode), string> _links = [];

    /// <summary>Writes all changes and completes the layer.</summary>
    public Layer Pack(IReadOnlyList<Change> changes)
    {
        WriteAll(changes);
        return writer.Complete();
    }

    private void WriteAll(IReadOnlyList<Change> changes)
    {
        foreach (var change in changes.Where(change => change.IsWhiteout))
            writer.Write(new LayerEntry(InTar(WhiteoutOf(change.Path)), LayerEntryType.File));
        foreach (var change in changes.Where(change => !change.IsWhiteout))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Write(change);
        }
    }

    private void Write(Change change)
    {
        var file = change.Entry;
        var entry = new LayerEntry(InTar(change.Path), TypeOf(file.Kind)) { Mode = file.Mode, Owner = file.Owner, Xattrs = change.Xattrs };
        switch (file.Kind)
        {
            case FileKind.Directory:
                writer.Write(entry);
                if (change.IsOpaque)
                    writer.Write(new LayerEntry(entry.Path + "/.wh..wh..opq", LayerEntryType.File));
                WriteAll(change.Children);
                break;
            case FileKind.Regular when file.LinkCount > 1 && !_links.TryAdd((file.FileSystem, file.Inode), entry.Path):
                writer.Write(entry with { Type = LayerEntryType.HardLink, LinkTarget = _links[(file.FileSystem, file.Inode)], Xattrs = null });
                break;
            case FileKind.Regular:
                using (var content = upper.OpenRead(change.Path))
                {
                    writer.Write(entry with { Size = file.Size }, content);
                    // Behind the reading, which would move the time of access.
                    RootedDirectory.SetModifiedTime(content, change.Path, LayerTimes.Normalized);
                }
                return;
            case FileKind.SymbolicLink:
                writer.Write(entry with { LinkTarget = file.LinkTarget });
                break;
            default:
                writer.Write(entry with { Device = file.Device });
                break;
        }
        upper.SetModifiedTime(change.Path, LayerTimes.Normalized);
    }

    private static LayerEntryType TypeOf(FileKind kind) => kind switch
    {
        FileKind.Regular => LayerEntryType.File,
        FileKind.Directory => LayerEntryType.Directory,
        FileKind.SymbolicLink => LayerEntryType.SymbolicLink,
        FileKind.CharacterDevice => LayerEntryType.CharacterDevice,
        FileKind.BlockDevice => LayerEntryType.BlockDevice,
        FileKind.Fifo => LayerEntryType.Fifo,
        _ => throw new SandboxException($"a {kind} cannot be part of a layer"),
    };

    private static string InTar(string path) => path[1..];

    private static string WhiteoutOf(string path)
    {
        var slash = path.LastIndexOf('/');
        return $"{path[..slash]}/.wh.{path[(slash + 1)..]}";
    }
}
