using Microsoft.Win32.SafeHandles;

namespace Grid.Oci.FileSystem;

/// <summary>
/// A directory of the host as a file tree of its own: every path is resolved by the kernel (openat2 with RESOLVE_IN_ROOT) as after a
/// chroot, so neither "..", absolute links nor links of /proc lead out, whatever another process changes meanwhile. Mount points below
/// are part of the tree. <c>new RootedDirectory("/")</c> is the host itself.
/// </summary>
/// <remarks>
/// Nothing stays open between calls, so an instance need not be disposed, never keeps a file system busy, and sees what was mounted on
/// the directory later. Safe for concurrent use. Needs Linux 5.6.
/// </remarks>
public sealed partial class RootedDirectory : IFileTree
{
    private const ulong InRoot = Resolve.InRoot | Resolve.NoMagicLinks;

    /// <summary>The root when it is held open, otherwise null.</summary>
    private readonly SafeFileHandle? _root;

    /// <summary>A tree over an existing directory of the host.</summary>
    public RootedDirectory(string hostDirectory)
    {
        ArgumentException.ThrowIfNullOrEmpty(hostDirectory);
        HostDirectory = Path.GetFullPath(hostDirectory);
    }

    private RootedDirectory(string hostDirectory, SafeFileHandle root) => (HostDirectory, _root) = (hostDirectory, root);

    /// <summary>Where the tree's root is on the host.</summary>
    public string HostDirectory { get; }

    /// <summary>
    /// The same tree with its root held open until the result is disposed, which spares many calls in a row half of their cost. Meanwhile the file system
    /// is busy, and a mount made on the directory itself is not seen.
    /// </summary>
    public HeldDirectory Hold()
    {
        var root = Posix.OpenRoot(HostDirectory);
        return new HeldDirectory(new RootedDirectory(HostDirectory, root), root);
    }

    /// <inheritdoc/>
    public FileEntry? Stat(string path, bool followLinks = true)
    {
        using var root = OpenRoot();
        var flags = OpenFlags.PathOnly | (followLinks ? 0 : OpenFlags.NoFollow);
        var error = Posix.TryOpen(root.Handle, Posix.Name(InTree(path)), flags, 0, InRoot, out var file);
        if (error is Errno.NoEntry or Errno.NotDirectory)
            return null;
        if (error != 0)
            throw Posix.Error(error, "stat", path);
        using (file)
        {
            var status = Posix.Stat(file, path);
            var target = Posix.Kind(status.Mode) == FileKind.SymbolicLink ? Posix.ReadLink(file, path) : null;
            return Posix.Entry(status, NameOf(path), target);
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<FileEntry> List(string path)
    {
        using var directory = Open(path, OpenFlags.ReadOnly | OpenFlags.Directory, "list");
        return Read(directory, path);
    }

    /// <inheritdoc/>
    public Stream OpenRead(string path)
    {
        // NonBlocking: opening a FIFO or a device that is named like an expected file must not wait.
        var file = Open(path, OpenFlags.ReadOnly | OpenFlags.NonBlocking | OpenFlags.NoTerminal, "read");
        return RegularFile(file, path, FileAccess.Read);
    }

    /// <summary>
    /// The tree below a directory (links in <paramref name="path"/> are followed, others are not), without the directory itself: depth first, parents
    /// before what they hold, siblings in byte order. Paths start with <paramref name="path"/> as given.
    /// </summary>
    public IEnumerable<(string Path, FileEntry Entry)> Walk(string path = "/")
    {
        using var top = Open(path, OpenFlags.ReadOnly | OpenFlags.Directory, "walk");
        var prefix = path.TrimEnd('/') + "/";
        var pending = new Stack<(string Relative, IEnumerator<FileEntry> Entries)>();
        pending.Push(("", Read(top, path).GetEnumerator()));
        while (pending.TryPeek(out var level))
        {
            if (!level.Entries.MoveNext())
            {
                pending.Pop().Entries.Dispose();
                continue;
            }
            var entry = level.Entries.Current;
            var relative = level.Relative + entry.Name;
            yield return (prefix + relative, entry);
            if (entry.IsDirectory)
                pending.Push((relative + "/", ReadBelow(top, relative, prefix + relative).GetEnumerator()));
        }
    }

    /// <summary>What a directory holds, as <see cref="List"/>, each with its extended attributes (null when it has none).</summary>
    public IReadOnlyList<(FileEntry Entry, IReadOnlyDictionary<string, byte[]>? Xattrs)> ListWithXattrs(string path)
    {
        using var directory = Open(path, OpenFlags.ReadOnly | OpenFlags.Directory, "list");
        return Read(directory, path).ConvertAll(entry => (entry, FileSystem.Xattrs.Read(directory, Posix.Name(entry.Name), $"{path}/{entry.Name}")));
    }

    /// <summary>Extended attributes of what is at the path (a link itself, not its target), or null when it has none.</summary>
    public IReadOnlyDictionary<string, byte[]>? GetXattrs(string path)
    {
        using var parent = OpenParent(path, out var name, "read the extended attributes of");
        return Xattrs.Read(parent, name, path);
    }

    /// <summary>Path as the kernel gets it. An empty path would be an error there; here it is the root.</summary>
    private static string InTree(string path) => path.StartsWith('/') ? path : "/" + path;

    private static string NameOf(string path)
    {
        var trimmed = path.TrimEnd('/');
        return trimmed.Length == 0 ? "/" : trimmed[(trimmed.LastIndexOf('/') + 1)..];
    }

    private static FileStream RegularFile(SafeFileHandle file, string path, FileAccess access)
    {
        try
        {
            var kind = Posix.Kind(Posix.Stat(file, path).Mode);
            return kind == FileKind.Regular
                ? new FileStream(file, access, bufferSize: 0)
                : throw new IOException($"'{path}' is not a regular file but a {kind}");
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static List<FileEntry> ReadBelow(SafeFileHandle top, string relative, string path)
    {
        // From the walk's top, not from a chain of descriptors: a tree may be nested deeper than there are descriptors.
        var error = Posix.TryOpen(top, Posix.Name(relative), OpenFlags.ReadOnly | OpenFlags.Directory, 0,
            Resolve.InRoot | Resolve.NoSymbolicLinks, out var directory);
        if (error != 0)
            throw Posix.Error(error, "list", path);
        using (directory)
            return Read(directory, path);
    }

    private static List<FileEntry> Read(SafeFileHandle directory, string path)
    {
        var names = Posix.ListNames(directory, path);
        var entries = new List<FileEntry>(names.Count);
        foreach (var name in names)
        {
            var error = Posix.TryStat(directory, name, out var status);
            if (error == Errno.NoEntry)
                continue; // deleted since it was listed
            var text = Posix.Text(name);
            if (error != 0)
                throw Posix.Error(error, "stat", $"{path}/{text}");
            var target = Posix.Kind(status.Mode) == FileKind.SymbolicLink ? Posix.ReadLink(directory, name, $"{path}/{text}") : null;
            entries.Add(Posix.Entry(status, text, target));
        }
        return entries;
    }

    private RootHandle OpenRoot() => _root is null ? new RootHandle(Posix.OpenRoot(HostDirectory), isOurs: true) : new RootHandle(_root, isOurs: false);

    private SafeFileHandle Open(string path, int flags, string action, int mode = 0)
    {
        using var root = OpenRoot();
        var error = Posix.TryOpen(root.Handle, Posix.Name(InTree(path)), flags, mode, InRoot, out var file);
        if (error == Errno.NoEntry && (flags & (OpenFlags.Directory | OpenFlags.Create)) != 0)
            throw new DirectoryNotFoundException(Posix.Error(error, action, path).Message);
        return error == 0 ? file : throw Posix.Error(error, action, path);
    }

    /// <summary>The directory that holds the last part of a path, links on the way followed inside the tree; the root is "." in itself.</summary>
    internal SafeFileHandle OpenParent(string path, out byte[] name, string action)
    {
        var trimmed = InTree(path).TrimEnd('/');
        var last = trimmed[(trimmed.LastIndexOf('/') + 1)..];
        var self = last is "" or "." or "..";
        name = self ? Posix.Self : Posix.Name(last);
        var directory = self ? trimmed + "/" : trimmed[..^last.Length];
        return Open(directory, OpenFlags.PathOnly | OpenFlags.Directory, action);
    }

    /// <summary>An existing directory, links followed inside the tree.</summary>
    internal SafeFileHandle OpenDirectory(string path) => Open(path, OpenFlags.PathOnly | OpenFlags.Directory, "open the directory");

    /// <summary>The root for one call.</summary>
    private readonly ref struct RootHandle(SafeFileHandle handle, bool isOurs)
    {
        internal SafeFileHandle Handle => handle;

        public void Dispose()
        {
            if (isOurs)
                handle.Dispose();
        }
    }
}

/// <summary>A tree whose root is held open.</summary>
public sealed class HeldDirectory : IDisposable
{
    private readonly SafeFileHandle _root;

    internal HeldDirectory(RootedDirectory files, SafeFileHandle root) => (Files, _root) = (files, root);

    /// <summary>The tree; not to be used after <see cref="Dispose"/>.</summary>
    public RootedDirectory Files { get; }

    public void Dispose() => _root.Dispose();
}
