using Grid.Oci.FileSystem;
using Grid.Oci.Layers;

namespace Grid.Sandbox.OciRuntime.Snapshots;

/// <summary>
/// Decides what of an overlay's upper directory is a change of the image, and removes the rest from it, so that the directory and the layer
/// made of it say the same: a node that unpacks the layer sees what the node that made it sees.
/// </summary>
/// <remarks>
/// Left out: excluded paths and new directories that hold nothing else, sockets (a tar has no word for them), deletions of what the image does not have, and directories that look as in
/// the image and hold no change (something was made in them and removed again, or only their time differs; times are not kept at all).
/// </remarks>
/// <param name="upper">The upper directory, no longer mounted.</param>
/// <param name="image">The image below, without our own mount points.</param>
/// <param name="excluded">Real paths that are left out with all below.</param>
/// <param name="ours">Directories that exist only because of our mount points.</param>
internal sealed class UpperTree(RootedDirectory upper, RootedDirectory image, IReadOnlySet<string> excluded, IReadOnlySet<string> ours)
{
    private const string WhiteoutPrefix = ".wh.";
    private static readonly string Opaque = UserNamespace.IsInside ? "user.overlay.opaque" : "trusted.overlay.opaque";
    private static readonly string[] Foreign = ["trusted.", "security.", "user.overlay."];

    /// <summary>Directories that something excluded was removed from.</summary>
    private readonly HashSet<string> _hollow = new(StringComparer.Ordinal);

    /// <summary>Bytes of file content to be packed.</summary>
    public long Bytes { get; private set; }

    /// <summary>Files and directories looked at.</summary>
    public int Entries { get; private set; }

    /// <summary>The changes under the root, to be packed in this order; empty when there are none.</summary>
    public IReadOnlyList<Change> Read() => ReadChildren("", parentInImage: true);

    /// <summary>Throws when there is more than a layer may have; 0 means no bound.</summary>
    public void CheckSize(long maxBytes, int maxEntries)
    {
        if (maxBytes > 0 && Bytes > maxBytes)
            throw new SandboxException($"the layer would hold {Bytes} bytes of files, more than the {maxBytes} allowed (sparse files count at full length)");
        if (maxEntries > 0 && Entries > maxEntries)
            throw new SandboxException($"the layer would hold {Entries} files, more than the {maxEntries} allowed");
    }

    private List<Change> ReadChildren(string directory, bool parentInImage)
    {
        var changes = new List<Change>();
        foreach (var (entry, xattrs) in upper.ListWithXattrs(directory.Length == 0 ? "/" : directory))
        {
            var path = $"{directory}/{entry.Name}";
            Entries++;
            var isExcluded = excluded.Contains(path);
            if (!isExcluded && ReadOne(path, entry, xattrs, parentInImage) is { } change)
            {
                changes.Add(change);
                continue;
            }
            if (isExcluded || _hollow.Contains(path))
                _hollow.Add(directory);
            upper.Delete(path);
        }
        return changes;
    }

    private Change? ReadOne(string path, FileEntry entry, IReadOnlyDictionary<string, byte[]>? all, bool parentInImage)
    {
        var below = parentInImage ? image.Stat(path, followLinks: false) : null;
        if (entry is { Kind: FileKind.CharacterDevice, Device: (0, 0) })
            return below is null ? null : new Change(path, entry) { IsWhiteout = true };
        if (entry.Kind == FileKind.Socket)
            return null;
        if (entry.Name.StartsWith(WhiteoutPrefix, StringComparison.Ordinal))
            throw new SandboxException($"the file {path} cannot be kept: in a layer, names that begin with '.wh.' mean deletion; give it another name");
        var xattrs = Kept(all);
        if (!entry.IsDirectory)
        {
            Bytes += entry.IsFile ? entry.Size : 0;
            return new Change(path, entry) { Xattrs = xattrs };
        }
        // "x" (Linux 6.7, xwhiteouts) is not opaque.
        var isOpaque = below is not null && all is not null && all.TryGetValue(Opaque, out var value) && value.AsSpan().SequenceEqual("y"u8);
        var children = ReadChildren(path, below is { IsDirectory: true } && !isOpaque);
        var isNew = isOpaque || !(LooksAsBefore(path, entry, xattrs, below) || (below is null && _hollow.Contains(path)));
        return children.Count == 0 && !isNew ? null : new Change(path, entry) { Xattrs = xattrs, IsOpaque = isOpaque && below!.IsDirectory, Children = children };
    }

    private bool LooksAsBefore(string path, FileEntry entry, IReadOnlyDictionary<string, byte[]>? xattrs, FileEntry? below)
    {
        if (below is null)
            return ours.Contains(path) && entry is { Mode: 0x1ED, Owner: (0, 0) };
        return below.IsDirectory && below.Mode == entry.Mode && below.Owner == entry.Owner && Same(xattrs, Kept(image.GetXattrs(path)));
    }

    /// <summary>What belongs to the file and not to overlayfs or to the host's security modules.</summary>
    internal static Dictionary<string, byte[]>? Kept(IReadOnlyDictionary<string, byte[]>? xattrs)
    {
        var kept = xattrs?.Where(x => x.Key == "security.capability" || !Foreign.Any(prefix => x.Key.StartsWith(prefix, StringComparison.Ordinal)))
            .ToDictionary(StringComparer.Ordinal);
        return kept is { Count: > 0 } ? kept : null;
    }

    private static bool Same(IReadOnlyDictionary<string, byte[]>? a, IReadOnlyDictionary<string, byte[]>? b) =>
        (a?.Count ?? 0) == (b?.Count ?? 0) && (a is null || a.All(x => b!.TryGetValue(x.Key, out var other) && x.Value.AsSpan().SequenceEqual(other)));
}

/// <summary>One changed path.</summary>
internal sealed record Change(string Path, FileEntry Entry)
{
    public IReadOnlyDictionary<string, byte[]>? Xattrs { get; init; }

    /// <summary>Whether the path was deleted.</summary>
    public bool IsWhiteout { get; init; }

    /// <summary>Whether a directory replaced one, of which nothing shows through.</summary>
    public bool IsOpaque { get; init; }

    /// <summary>Changes in a directory, sorted by bytes of the name.</summary>
    public IReadOnlyList<Change> Children { get; init; } = [];
}
