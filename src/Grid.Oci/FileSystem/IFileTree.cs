namespace Grid.Oci.FileSystem;

/// <summary>
/// A file tree as the processes inside it see it: absolute paths, links resolved inside the tree and never out of it. The tree may be
/// hostile (a tenant's rootfs), so nobody reads or writes one by any other way.
/// </summary>
/// <remarks>
/// Paths are strings in which bytes that are not UTF-8 stand as lone surrogates U+DC80…U+DCFF (<see cref="BytePath"/>), so every name a
/// Linux file can have survives. Methods throw <see cref="FileNotFoundException"/>/<see cref="DirectoryNotFoundException"/> for what is
/// missing and <see cref="IOException"/> with the path and the kernel's reason otherwise.
/// </remarks>
public interface IFileTree
{
    /// <summary>What is at the path, or null when nothing is. With <paramref name="followLinks"/> a link at the end is resolved; a dangling one gives null.</summary>
    FileEntry? Stat(string path, bool followLinks = true);

    /// <summary>What a directory holds, without "." and "..", not following links, sorted by bytes of the name.</summary>
    IReadOnlyList<FileEntry> List(string path);

    /// <summary>Opens a regular file for reading; links are followed.</summary>
    Stream OpenRead(string path);

    /// <summary>Makes or truncates a file; a link at the end is followed inside the tree. <paramref name="mode"/> is applied exactly; owner is left as created when null.</summary>
    void WriteFile(string path, ReadOnlySpan<byte> content, int mode, Owner? owner = null);

    /// <summary>As <see cref="WriteFile"/>, for content that is written piece by piece; mode and owner hold from the start.</summary>
    Stream CreateFile(string path, int mode, Owner? owner = null);

    /// <summary>As <see cref="CreateFile"/>, where nothing is yet: null when something is at the path (a link too), or when its parent is missing or no directory.</summary>
    Stream? TryCreateNewFile(string path, int mode, Owner? owner = null);

    /// <summary>Makes a symbolic link with the target as written; something at the path is an error.</summary>
    void CreateSymbolicLink(string path, string target, Owner? owner = null);

    /// <summary>Gives an existing file another name; a link is itself linked, not followed.</summary>
    void CreateHardLink(string path, string existing);

    /// <summary>Sets the permission bits (07777) of what is at the path. A link is refused, for it has none.</summary>
    void SetMode(string path, int mode);

    /// <summary>Makes a directory and its missing parents; one that exists is left as it is.</summary>
    void CreateDirectory(string path, int mode, Owner? owner = null);

    /// <summary>Removes a file or a whole directory without following links; what is not there is no error.</summary>
    void Delete(string path);

    /// <summary>Renames within the tree; an existing file at the target is replaced.</summary>
    void Rename(string from, string to);

    /// <summary>Gives a path, and with <paramref name="recursive"/> all under it, to an owner; links themselves are changed, not followed.</summary>
    void ChangeOwner(string path, Owner owner, bool recursive);
}

/// <summary>Numeric user and group of a file.</summary>
public readonly record struct Owner(int UserId, int GroupId);

/// <summary>What kind of file it is.</summary>
public enum FileKind
{
    /// <summary>A regular file.</summary>
    Regular = 0,
    Directory = 1,
    SymbolicLink = 2,
    CharacterDevice = 3,
    BlockDevice = 4,
    Fifo = 5,
    Socket = 6,
}

/// <summary>A file's metadata, as lstat(2) has it.</summary>
/// <param name="Name">The last part of the path.</param>
/// <param name="Kind">Its kind.</param>
/// <param name="Mode">Permission bits with setuid, setgid and sticky (07777).</param>
/// <param name="Owner">Numeric owner.</param>
/// <param name="Size">Bytes of a regular file.</param>
/// <param name="ModifiedTime">Modification time.</param>
/// <param name="LinkTarget">Where a symbolic link points, as written; null for everything else.</param>
/// <param name="Device">Major and minor number of a device node.</param>
/// <param name="Inode">Identifies hard links together with <paramref name="FileSystem"/>.</param>
/// <param name="FileSystem">The st_dev of the file.</param>
/// <param name="LinkCount">Number of hard links.</param>
public sealed record FileEntry(
    string Name, FileKind Kind, int Mode, Owner Owner, long Size, DateTimeOffset ModifiedTime,
    string? LinkTarget = null, (uint Major, uint Minor) Device = default, ulong Inode = 0, ulong FileSystem = 0, uint LinkCount = 1)
{
    public bool IsDirectory => Kind == FileKind.Directory;

    public bool IsFile => Kind == FileKind.Regular;

    /// <summary>Whether a regular file may be executed by anybody.</summary>
    public bool IsExecutable => IsFile && (Mode & 0b001_001_001) != 0;
}
