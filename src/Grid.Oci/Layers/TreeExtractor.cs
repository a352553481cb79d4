using System.Buffers;
using Grid.Oci.FileSystem;
using Microsoft.Win32.SafeHandles;

namespace Grid.Oci.Layers;

/// <summary>
/// Writes tar entries below a directory that is ours alone meanwhile. Parents are opened without following any link (links that entries made
/// are resolved here, inside the tree), the last part is handled by the *at calls: nothing outside is ever touched.
/// </summary>
internal sealed class TreeExtractor : IDisposable
{
    private static readonly string[] HostXattrs = ["security.selinux", "security.ima", "security.evm", "security.apparmor", "security.SMACK64"];

    private readonly ExtractionRules _rules;
    private readonly ExtractionParents _parents;
    private readonly byte[] _buffer = ArrayPool<byte>.Shared.Rent(128 * 1024);
    private bool _rootIsOpaque;

    internal TreeExtractor(string hostDirectory, ExtractionRules rules)
    {
        _rules = rules;
        _parents = new ExtractionParents(hostDirectory, rules);
    }

    /// <summary>Writes one entry, replacing what an earlier one put there.</summary>
    internal void Extract(LayerEntry entry, Stream content)
    {
        var parts = EntryPath.Split(entry.Path);
        if (parts.Length == 0)
        {
            if (entry.Type != LayerEntryType.Directory)
                throw Refused(entry, "it is the root and no directory");
            _parents.SetMetadata("", Metadata(entry));
            return;
        }
        if (_rules.Whiteouts && Array.FindIndex(parts, p => p.StartsWith(EntryPath.WhiteoutPrefix, StringComparison.Ordinal)) is var at && at >= 0)
        {
            if (at < parts.Length - 1)
                throw Refused(entry, "a whiteout is no directory");
            WhiteOut(entry, parts);
            return;
        }
        var (parent, path) = _parents.Open(parts.AsSpan(0, parts.Length - 1), entry.Path);
        Write(entry, content, new Place(parent, Posix.Name(parts[^1]), $"{path}/{parts[^1]}"));
    }

    /// <summary>Gives directories their metadata, after nothing is written into them any more.</summary>
    internal void Complete()
    {
        if (_rootIsOpaque)
            HideLowerRoot();
        _parents.ApplyMetadata(ApplyMetadata);
    }

    public void Dispose()
    {
        _parents.Dispose();
        ArrayPool<byte>.Shared.Return(_buffer);
    }

    private void Write(LayerEntry entry, Stream content, Place place)
    {
        switch (entry.Type)
        {
            case LayerEntryType.File:
                WriteFile(entry, content, place);
                break;
            case LayerEntryType.Directory:
                _parents.MakeDirectory(place, Metadata(entry));
                break;
            case LayerEntryType.SymbolicLink:
                Replace(place, p => Posix.Result(Native.SymLinkAt(Posix.Name(entry.LinkTarget!), p.Directory, p.Name)), "make the link");
                ApplyToNode(entry, place);
                break;
            case LayerEntryType.HardLink:
                Link(entry, place);
                break;
            default:
                MakeNode(entry, place);
                break;
        }
    }

    private void WriteFile(LayerEntry entry, Stream content, Place place)
    {
        SafeFileHandle? file = null;
        Replace(place, p => Posix.TryOpenChild(p.Directory, p.Name, OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, 0x180, out file), "make the file");
        using (file)
        {
            int length;
            while ((length = content.Read(_buffer)) > 0)
                Posix.Write(file!, _buffer.AsSpan(0, length), place.Path);
            var owner = _rules.Owner ?? entry.Owner;
            Posix.Check(Native.FChown(file!, owner.UserId, owner.GroupId), $"give to {owner.UserId}:{owner.GroupId}", place.Path);
            Posix.Check(Native.FChmod(file!, (uint)(entry.Mode & _rules.ModeMask)), "change the mode of", place.Path);
            // After the owner: changing that drops file capabilities.
            foreach (var (name, value) in Xattrs(entry))
                CheckXattr(FileSystem.Xattrs.TrySet(file!, name, value), name, place.Path);
            Posix.Check(Native.FUTimeNs(file!, Posix.Times(entry.ModifiedTime)), "change the time of", place.Path);
        }
    }

    private void Link(LayerEntry entry, Place place)
    {
        var parts = EntryPath.Split(entry.LinkTarget!);
        if (parts.Length == 0)
            throw Refused(entry, "it is a hard link to the root");
        var directory = _parents.Find(parts.AsSpan(0, parts.Length - 1), entry.Path);
        var existing = $"{directory}/{parts[^1]}";
        if (existing == place.Path)
            return;
        using var from = _parents.TryOpenExisting(directory);
        var name = Posix.Name(parts[^1]);
        if (from is not null && Posix.TryStat(from, name, out var status) == 0 && !Whiteout.Is(status))
        {
            if (Posix.Kind(status.Mode) == FileKind.Directory)
                throw Refused(entry, "it is a hard link to a directory");
            Replace(place, p => Posix.Result(Native.LinkAt(from, name, p.Directory, p.Name, 0)), $"make the hard link to '{existing}' at");
            return;
        }
        if (_rules.Lowers.Find(existing) is not { } below || below.Entry.IsDirectory)
            throw Refused(entry, $"it is a hard link to '{entry.LinkTarget}', which is neither before it in the layer nor in a layer below");
        CopyUp(entry.Path, existing, below.Lower, below.Entry, place);
    }

    /// <summary>A hard link to a file of a lower layer becomes a copy of it; across layers there are no hard links.</summary>
    private void CopyUp(string path, string existing, RootedDirectory lower, FileEntry file, Place place)
    {
        var copy = new LayerEntry(path, file.Kind switch
        {
            FileKind.Regular => LayerEntryType.File,
            FileKind.SymbolicLink => LayerEntryType.SymbolicLink,
            FileKind.CharacterDevice => LayerEntryType.CharacterDevice,
            FileKind.BlockDevice => LayerEntryType.BlockDevice,
            FileKind.Fifo => LayerEntryType.Fifo,
            _ => throw new InvalidDataException($"bad layer: '{path}' is a hard link to the {file.Kind} '{existing}' of a lower layer"),
        })
        {
            Mode = file.Mode,
            Owner = file.Owner,
            Size = file.Size,
            LinkTarget = file.LinkTarget,
            ModifiedTime = file.ModifiedTime,
            Device = file.Device,
            Xattrs = lower.GetXattrs(existing),
        };
        using var content = file.IsFile ? lower.OpenRead(existing) : Stream.Null;
        Write(copy, content, place);
    }

    private void MakeNode(LayerEntry entry, Place place)
    {
        if (!_rules.Nodes)
            throw Refused(entry, $"a {entry.Type} is not accepted here");
        var kind = entry.Type switch
        {
            LayerEntryType.CharacterDevice => FileKind.CharacterDevice,
            LayerEntryType.BlockDevice => FileKind.BlockDevice,
            _ => FileKind.Fifo,
        };
        Replace(place, p => Nodes.TryCreate(p.Directory, p.Name, kind, entry.Mode, entry.Device), $"make the {kind} {entry.Device.Major}:{entry.Device.Minor}");
        ApplyToNode(entry, place);
        Posix.Check(Native.FChmodAt(place.Directory, place.Name, (uint)(entry.Mode & _rules.ModeMask), 0), "change the mode of", place.Path);
    }

    /// <summary>Runs a call that makes something new; when there is something already, removes it (a link itself, a directory with all in it) and runs it again.</summary>
    private void Replace(Place place, Func<Place, int> make, string action)
    {
        var error = make(place);
        if (error == Errno.Exists)
        {
            _parents.Remove(place);
            error = make(place);
        }
        if (error != 0)
            throw Posix.Error(error, action, place.Path);
    }

    private void WhiteOut(LayerEntry entry, string[] parts)
    {
        var name = parts[^1];
        if (name.StartsWith(EntryPath.WhiteoutPrefix + EntryPath.WhiteoutPrefix, StringComparison.Ordinal) && name != EntryPath.OpaqueWhiteout)
            return; // bookkeeping of aufs (.wh..wh.plnk and the like), no change of the tree
        var (parent, path) = _parents.Open(parts.AsSpan(0, parts.Length - 1), entry.Path);
        if (_rules.WhiteoutsRemove)
        {
            Remove(parent, path, name);
            return;
        }
        if (name == EntryPath.OpaqueWhiteout)
        {
            _rootIsOpaque |= path.Length == 0;
            Whiteout.MakeOpaque(parent, Posix.Self, path);
            return;
        }
        name = name[EntryPath.WhiteoutPrefix.Length..];
        if (name is "" or "." or "..")
            throw Refused(entry, "it is a whiteout of no name");
        Whiteout.Make(parent, Posix.Name(name), $"{path}/{name}");
    }

    /// <summary>Removes what a whiteout names; an opaque one, which comes before what the layer has in the directory, removes all in it.</summary>
    private static void Remove(SafeFileHandle parent, string path, string name)
    {
        if (name != EntryPath.OpaqueWhiteout)
        {
            var removed = name[EntryPath.WhiteoutPrefix.Length..];
            if (removed is "" or "." or "..")
                throw new InvalidDataException($"bad layer: '{path}/{name}' is a whiteout of no name");
            Deletion.Delete(parent, Posix.Name(removed), $"{path}/{removed}");
            return;
        }
        var error = Posix.TryOpenChild(parent, Posix.Self, OpenFlags.ReadOnly | OpenFlags.Directory, 0, out var directory);
        if (error != 0)
            throw Posix.Error(error, "list", path);
        using (directory)
        {
            foreach (var child in Posix.ListNames(directory, path))
                Deletion.Delete(directory, child, $"{path}/{Posix.Text(child)}");
        }
    }

    /// <summary>overlayfs does not ask whether the root of a layer is opaque, so everything below it is hidden one by one.</summary>
    private void HideLowerRoot()
    {
        var (root, _) = _parents.Open([], "/");
        foreach (var name in _rules.Lowers.RootNames())
            Whiteout.Make(root, Posix.Name(name), "/" + name);
    }

    private DirectoryMetadata Metadata(LayerEntry entry) =>
        new(entry.Mode & _rules.ModeMask, _rules.Owner ?? entry.Owner, entry.ModifiedTime, [.. Xattrs(entry)]);

    private static void ApplyMetadata(SafeFileHandle directory, DirectoryMetadata metadata, string path)
    {
        Posix.Check(Native.FChown(directory, metadata.Owner.UserId, metadata.Owner.GroupId), $"give to {metadata.Owner.UserId}:{metadata.Owner.GroupId}", path);
        Posix.Check(Native.FChmod(directory, (uint)metadata.Mode), "change the mode of", path);
        foreach (var (name, value) in metadata.Xattrs)
            CheckXattr(FileSystem.Xattrs.TrySet(directory, name, value), name, path);
        Posix.Check(Native.FUTimeNs(directory, Posix.Times(metadata.ModifiedTime)), "change the time of", path);
    }

    /// <summary>Owner, attributes and time of what cannot be opened: links, devices, FIFOs.</summary>
    private void ApplyToNode(LayerEntry entry, Place place)
    {
        var owner = _rules.Owner ?? entry.Owner;
        var result = Native.FChownAt(place.Directory, place.Name, owner.UserId, owner.GroupId, AtFlags.SymbolicLinkNoFollow);
        Posix.Check(result, $"give to {owner.UserId}:{owner.GroupId}", place.Path);
        // The kernel has user attributes on files and directories only.
        foreach (var (name, value) in Xattrs(entry).Where(x => !x.Key.StartsWith("user.", StringComparison.Ordinal)))
            CheckXattr(FileSystem.Xattrs.TrySet(place.Directory, place.Name, name, value), name, place.Path);
        result = Native.UTimeNsAt(place.Directory, place.Name, Posix.Times(entry.ModifiedTime), AtFlags.SymbolicLinkNoFollow);
        Posix.Check(result, "change the time of", place.Path);
    }

    /// <summary>
    /// What may be set. overlayfs' own attributes would redirect its look-ups (trusted.overlay.redirect) if a layer could bring them; labels of
    /// security modules belong to the host.
    /// </summary>
    private IEnumerable<KeyValuePair<string, byte[]>> Xattrs(LayerEntry entry) => !_rules.Xattrs || entry.Xattrs is null
        ? []
        : entry.Xattrs.Where(x => !x.Key.StartsWith("trusted.overlay.", StringComparison.Ordinal)
            && !x.Key.StartsWith("user.overlay.", StringComparison.Ordinal)
            && !HostXattrs.Contains(x.Key, StringComparer.Ordinal));

    private static void CheckXattr(int error, string name, string path)
    {
        if (error is not (0 or Errno.NotSupported))
            throw Posix.Error(error, $"set the extended attribute {name} of", path);
    }

    private static InvalidDataException Refused(LayerEntry entry, string reason) => new($"bad layer: '{entry.Path}' is refused: {reason}");
}
