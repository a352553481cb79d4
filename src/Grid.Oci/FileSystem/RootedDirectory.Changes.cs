using Microsoft.Win32.SafeHandles;

namespace Grid.Oci.FileSystem;

// What changes the tree: the parent is opened in the root, its last part handled by the *at calls, which do not follow it.
public sealed partial class RootedDirectory
{
    /// <inheritdoc/>
    public void WriteFile(string path, ReadOnlySpan<byte> content, int mode, Owner? owner = null)
    {
        using var file = CreateFile(path, mode, owner);
        file.Write(content);
    }

    /// <inheritdoc/>
    public Stream CreateFile(string path, int mode, Owner? owner = null)
    {
        var flags = OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Truncate | OpenFlags.NonBlocking | OpenFlags.NoTerminal;
        return Prepare(RegularFile(Open(path, flags, "write", mode: 0x180), path, FileAccess.Write), path, mode, owner);
    }

    /// <inheritdoc/>
    public Stream? TryCreateNewFile(string path, int mode, Owner? owner = null)
    {
        using var root = OpenRoot();
        var error = Posix.TryOpen(root.Handle, Posix.Name(InTree(path)), OpenFlags.WriteOnly | OpenFlags.Create | OpenFlags.Exclusive, 0x180, InRoot, out var handle);
        return error switch
        {
            0 => Prepare(new FileStream(handle, FileAccess.Write, bufferSize: 0), path, mode, owner),
            Errno.Exists or Errno.NoEntry or Errno.NotDirectory => null,
            _ => throw Posix.Error(error, "make the file", path),
        };
    }

    /// <inheritdoc/>
    public void CreateDirectory(string path, int mode, Owner? owner = null)
    {
        if (Stat(path) is { } existing)
        {
            if (!existing.IsDirectory)
                throw new IOException($"cannot make the directory '{path}': there is a {existing.Kind}");
            return;
        }
        var prefix = "";
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            prefix += "/" + part;
            if (Stat(prefix) is null)
                MakeDirectory(prefix, mode, owner);
        }
    }

    /// <inheritdoc/>
    public void Delete(string path)
    {
        if (path.TrimEnd('/') is "" || NameOf(path) is "." or "..")
            throw new IOException($"cannot delete '{path}': name what is to be deleted, not the directory it stands in");
        SafeFileHandle parent;
        byte[] name;
        try
        {
            parent = OpenParent(path, out name, "delete");
        }
        catch (DirectoryNotFoundException)
        {
            return;
        }
        using (parent)
            Deletion.Delete(parent, name, path);
    }

    /// <inheritdoc/>
    public void Rename(string from, string to)
    {
        using var fromParent = OpenParent(from, out var fromName, "rename");
        using var toParent = OpenParent(to, out var toName, "rename to");
        Posix.Check(Native.RenameAt(fromParent, fromName, toParent, toName), $"rename to '{to}'", from);
    }

    /// <inheritdoc/>
    public void ChangeOwner(string path, Owner owner, bool recursive)
    {
        using var parent = OpenParent(path, out var name, "change the owner of");
        ChangeOwner(parent, name, owner, path);
        if (!recursive || Stat(path, followLinks: false) is not { IsDirectory: true })
            return;
        using var top = OpenDirectory(path);
        foreach (var (below, _) in Walk(path))
        {
            var relative = below[(path.TrimEnd('/').Length + 1)..];
            var slash = relative.LastIndexOf('/');
            if (slash < 0)
            {
                ChangeOwner(top, Posix.Name(relative), owner, below);
                continue;
            }
            var error = Posix.TryOpen(top, Posix.Name(relative[..slash]), OpenFlags.PathOnly | OpenFlags.Directory, 0,
                Resolve.InRoot | Resolve.NoSymbolicLinks, out var directory);
            if (error != 0)
                throw Posix.Error(error, "change the owner of", below);
            using (directory)
                ChangeOwner(directory, Posix.Name(relative[(slash + 1)..]), owner, below);
        }
    }

    /// <inheritdoc/>
    public void CreateSymbolicLink(string path, string target, Owner? owner = null)
    {
        using var parent = OpenParent(path, out var name, "make the link");
        Posix.Check(Native.SymLinkAt(Posix.Name(target), parent, name), "make the link", path);
        if (owner is { } o)
            ChangeOwner(parent, name, o, path);
    }

    /// <inheritdoc/>
    public void CreateHardLink(string path, string existing)
    {
        using var from = OpenParent(existing, out var fromName, "link");
        using var to = OpenParent(path, out var toName, "make the hard link");
        Posix.Check(Native.LinkAt(from, fromName, to, toName, 0), $"make the hard link to '{existing}' at", path);
    }

    /// <summary>Makes a device node or FIFO; needs CAP_MKNOD for devices other than 0:0 (overlayfs' whiteout).</summary>
    public void CreateNode(string path, FileKind kind, int mode, (uint Major, uint Minor) device = default, Owner? owner = null)
    {
        using var parent = OpenParent(path, out var name, "make the node");
        var error = Nodes.TryCreate(parent, name, kind, mode, device);
        if (error != 0)
            throw Posix.Error(error, $"make the {kind} {device.Major}:{device.Minor}", path);
        if (owner is { } o)
            ChangeOwner(parent, name, o, path);
        Posix.Check(Native.FChmodAt(parent, name, (uint)(mode & ModeBits.Permissions), 0), "change the mode of", path);
    }

    /// <inheritdoc/>
    public void SetMode(string path, int mode)
    {
        using var parent = OpenParent(path, out var name, "change the mode of");
        if (Posix.TryStat(parent, name, out var status) == 0 && Posix.Kind(status.Mode) == FileKind.SymbolicLink)
            throw new IOException($"cannot change the mode of '{path}': it is a symbolic link");
        Posix.Check(Native.FChmodAt(parent, name, (uint)(mode & ModeBits.Permissions), 0), "change the mode of", path);
    }

    /// <summary>Sets the modification (and access) time of what is at the path, a link itself rather than its target.</summary>
    public void SetModifiedTime(string path, DateTimeOffset time)
    {
        using var parent = OpenParent(path, out var name, "change the time of");
        Posix.Check(Native.UTimeNsAt(parent, name, Posix.Times(time), AtFlags.SymbolicLinkNoFollow), "change the time of", path);
    }

    /// <summary>Sets the modification (and access) time of a file that <see cref="OpenRead"/> has opened: it need not be looked up again.</summary>
    public static void SetModifiedTime(Stream opened, string path, DateTimeOffset time) =>
        Posix.Check(Native.FUTimeNs(((FileStream)opened).SafeFileHandle, Posix.Times(time)), "change the time of", path);

    /// <summary>Sets an extended attribute of what is at the path, a link itself rather than its target.</summary>
    public void SetXattr(string path, string name, ReadOnlySpan<byte> value)
    {
        using var parent = OpenParent(path, out var last, "set an extended attribute of");
        var error = Xattrs.TrySet(parent, last, name, value);
        if (error != 0)
            throw Posix.Error(error, $"set the extended attribute {name} of", path);
    }

    private static FileStream Prepare(FileStream file, string path, int mode, Owner? owner)
    {
        try
        {
            // Owner first: changing it clears setuid and setgid.
            if (owner is { } o)
                Posix.Check(Native.FChown(file.SafeFileHandle, o.UserId, o.GroupId), "change the owner of", path);
            Posix.Check(Native.FChmod(file.SafeFileHandle, (uint)(mode & ModeBits.Permissions)), "change the mode of", path);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static void ChangeOwner(SafeFileHandle directory, byte[] name, Owner owner, string path)
    {
        var result = Native.FChownAt(directory, name, owner.UserId, owner.GroupId, AtFlags.SymbolicLinkNoFollow);
        Posix.Check(result, $"give to {owner.UserId}:{owner.GroupId}", path);
    }

    private void MakeDirectory(string path, int mode, Owner? owner)
    {
        using var parent = OpenParent(path, out var name, "make the directory");
        var error = Posix.Result(Native.MkDirAt(parent, name, 0x1C0));
        if (error == Errno.Exists && Stat(path) is { IsDirectory: true })
            return; // somebody else made it meanwhile
        if (error == Errno.Exists)
            throw new IOException($"cannot make the directory '{path}': there is a link to nowhere");
        if (error != 0)
            throw Posix.Error(error, "make the directory", path);
        error = Posix.TryOpenChild(parent, name, OpenFlags.ReadOnly | OpenFlags.Directory, 0, out var made);
        if (error != 0)
            throw Posix.Error(error, "open the new directory", path);
        using (made)
        {
            if (owner is { } o)
                Posix.Check(Native.FChown(made, o.UserId, o.GroupId), "change the owner of", path);
            Posix.Check(Native.FChmod(made, (uint)(mode & ModeBits.Permissions)), "change the mode of", path);
        }
    }
}
