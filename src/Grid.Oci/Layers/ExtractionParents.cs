using Grid.Oci.FileSystem;
using Microsoft.Win32.SafeHandles;

namespace Grid.Oci.Layers;

/// <summary>A name in an open directory, and its path in the tree for messages and look-ups.</summary>
internal readonly record struct Place(SafeFileHandle Directory, byte[] Name, string Path);

/// <summary>What a directory is given at the end.</summary>
internal sealed record DirectoryMetadata(int Mode, Owner Owner, DateTimeOffset ModifiedTime, IReadOnlyList<KeyValuePair<string, byte[]>> Xattrs);

/// <summary>
/// The directories of a tree that is being extracted: finds and makes the parents of entries, resolving links inside the tree, and remembers
/// what metadata they get. Paths here are physical: "" or "/a/b", no part of it a link.
/// </summary>
internal sealed class ExtractionParents : IDisposable
{
    private const int MaxLinks = 40;
    private const ulong Strictly = Resolve.InRoot | Resolve.NoMagicLinks | Resolve.NoSymbolicLinks;

    private readonly ExtractionRules _rules;
    private readonly SafeFileHandle _root;
    private readonly SortedDictionary<string, DirectoryMetadata> _metadata = new(StringComparer.Ordinal);
    private string? _openedFor;
    private string _openPath = "";
    private SafeFileHandle? _open;

    internal ExtractionParents(string hostDirectory, ExtractionRules rules)
    {
        _rules = rules;
        _root = Posix.OpenRoot(hostDirectory);
    }

    /// <summary>Opens the directory of an entry, making what is missing. The handle is ours and good until the next call.</summary>
    internal (SafeFileHandle Directory, string Path) Open(ReadOnlySpan<string> parts, string entry)
    {
        var wanted = Join(parts);
        if (_openedFor == wanted)
            return (_open!, _openPath);
        Forget();
        // Entries come in order of directories, and their parents are rarely links: one call in nearly all cases.
        _open = TryOpenExisting(wanted);
        _openPath = wanted;
        if (_open is null)
        {
            _openPath = Walk(parts, entry, make: true);
            _open = TryOpenExisting(_openPath) ?? throw new InvalidDataException($"bad layer: '{entry}' stands in '{_openPath}', which is no directory");
        }
        _openedFor = wanted;
        return (_open, _openPath);
    }

    /// <summary>The physical path of a directory, as far as it exists in this layer or below; nothing is made.</summary>
    internal string Find(ReadOnlySpan<string> parts, string entry) => Walk(parts, entry, make: false);

    /// <summary>Opens a directory by its physical path; null when there is none in this layer, or a link on the way.</summary>
    internal SafeFileHandle? TryOpenExisting(string path)
    {
        var error = Posix.TryOpen(_root, Posix.Name(path + "/"), OpenFlags.PathOnly | OpenFlags.Directory, 0, Strictly, out var directory);
        return error switch
        {
            0 => directory,
            Errno.NoEntry or Errno.NotDirectory or Errno.Loop => null,
            _ => throw Posix.Error(error, "open the directory", path),
        };
    }

    /// <summary>Makes a directory where there is none, in place of whatever else is there.</summary>
    internal void MakeDirectory(Place place, DirectoryMetadata metadata)
    {
        var error = Posix.Result(Native.MkDirAt(place.Directory, place.Name, 0x1C0));
        if (error == Errno.Exists)
            error = MakeDirectoryOver(place);
        if (error != 0)
            throw Posix.Error(error, "make the directory", place.Path);
        SetMetadata(place.Path, metadata);
    }

    /// <summary>Removes what is at a place with all below it.</summary>
    internal void Remove(Place place)
    {
        Deletion.Delete(place.Directory, place.Name, place.Path);
        var below = place.Path + "/";
        foreach (var path in _metadata.Keys.Where(p => p == place.Path || p.StartsWith(below, StringComparison.Ordinal)).ToList())
            _metadata.Remove(path);
    }

    internal void SetMetadata(string path, DirectoryMetadata metadata) => _metadata[path] = metadata;

    /// <summary>Hands out each directory with its metadata, children before parents.</summary>
    internal void ApplyMetadata(Action<SafeFileHandle, DirectoryMetadata, string> apply)
    {
        Forget();
        foreach (var (path, metadata) in _metadata.Reverse())
        {
            var error = Posix.TryOpen(_root, Posix.Name(path + "/"), OpenFlags.ReadOnly | OpenFlags.Directory, 0, Strictly, out var directory);
            if (error != 0)
                throw Posix.Error(error, "open the directory", path);
            using (directory)
                apply(directory, metadata, path);
        }
    }

    public void Dispose()
    {
        Forget();
        _root.Dispose();
    }

    private void Forget()
    {
        _open?.Dispose();
        (_open, _openedFor) = (null, null);
    }

    private static string Join(ReadOnlySpan<string> parts) => parts.IsEmpty ? "" : "/" + string.Join('/', parts);

    private int MakeDirectoryOver(Place place)
    {
        var error = Posix.TryStat(place.Directory, place.Name, out var status);
        if (error != 0 || Posix.Kind(status.Mode) == FileKind.Directory)
            return error;
        Remove(place);
        error = Posix.Result(Native.MkDirAt(place.Directory, place.Name, 0x1C0));
        // The layer hid what was below and now puts a directory there: the two must not be merged.
        if (error == 0 && Whiteout.Is(status))
            Whiteout.MakeOpaque(place.Directory, place.Name, place.Path);
        return error;
    }

    /// <summary>Goes down part by part; links are replaced by where they lead, ".." of links stops at the root.</summary>
    private string Walk(ReadOnlySpan<string> parts, string entry, bool make)
    {
        var remaining = new LinkedList<string>(parts.ToArray());
        var path = "";
        var links = 0;
        while (remaining.First is { } next)
        {
            remaining.RemoveFirst();
            var part = next.Value;
            if (part is "." or "")
                continue;
            if (part == "..")
            {
                path = path.Length == 0 ? "" : path[..path.LastIndexOf('/')];
                continue;
            }
            var link = Step(path, part, entry, make);
            if (link is null)
            {
                path = $"{path}/{part}";
                continue;
            }
            if (!_rules.ParentLinks)
                throw new InvalidDataException($"bad layer: '{entry}' is refused: '{path}/{part}' is a link, not a directory");
            if (++links > MaxLinks)
                throw new InvalidDataException($"bad layer: '{entry}' is refused: too many links on its way");
            if (link.StartsWith('/'))
                path = "";
            foreach (var linkPart in link.Split('/').Reverse())
                remaining.AddFirst(linkPart);
        }
        return path;
    }

    /// <summary>Where the link at a part leads, or null when it is (or now became) a directory.</summary>
    private string? Step(string path, string part, string entry, bool make)
    {
        var child = $"{path}/{part}";
        var name = Posix.Name(part);
        using var directory = TryOpenExisting(path);
        if (directory is not null && Posix.TryStat(directory, name, out var status) == 0)
        {
            switch (Posix.Kind(status.Mode))
            {
                case FileKind.Directory:
                    return null;
                case FileKind.SymbolicLink:
                    return Posix.ReadLink(directory, name, child);
                default:
                    if (!Whiteout.Is(status) && make)
                        throw new InvalidDataException($"bad layer: '{entry}' is refused: '{child}' is a file, not a directory");
                    if (make)
                        MakeDirectory(new Place(directory, name, child), Implied(null, child));
                    return null;
            }
        }
        var below = _rules.Lowers.Find(child);
        if (below is { Entry.Kind: FileKind.SymbolicLink })
            return below.Value.Entry.LinkTarget;
        if (make)
            MakeDirectory(new Place(directory!, name, child), Implied(below, child));
        return null;
    }

    /// <summary>A parent the tar does not mention keeps the metadata it has below, which overlayfs would otherwise hide.</summary>
    private DirectoryMetadata Implied((RootedDirectory Lower, FileEntry Entry)? below, string path)
    {
        if (below is not { Entry.IsDirectory: true } known)
            return new DirectoryMetadata(0x1ED, _rules.Owner ?? default, LayerTimes.Normalized, []);
        var xattrs = known.Lower.GetXattrs(path) ?? new Dictionary<string, byte[]>();
        return new DirectoryMetadata(known.Entry.Mode, known.Entry.Owner, known.Entry.ModifiedTime,
            [.. xattrs.Where(x => !x.Key.StartsWith("trusted.overlay.", StringComparison.Ordinal) && !x.Key.StartsWith("user.overlay.", StringComparison.Ordinal))]);
    }
}
