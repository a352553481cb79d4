namespace Grid.Oci.FileSystem;

/// <summary>
/// What tells that a file is not the one it was: every change of content, owner, mode or attributes moves the time of change, which no program can set.
/// Comparing stamps reads no content.
/// </summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Mode">Permission bits with setuid, setgid and sticky.</param>
/// <param name="Owner">Numeric owner.</param>
/// <param name="Size">Bytes.</param>
/// <param name="FileSystem">The file system it is on.</param>
/// <param name="Inode">Its number there.</param>
/// <param name="ChangedSeconds">Time of change, in seconds since 1970.</param>
/// <param name="ChangedNanoseconds">The rest of it.</param>
public readonly record struct FileStamp(
    FileKind Kind, int Mode, Owner Owner, long Size, ulong FileSystem, ulong Inode, long ChangedSeconds, uint ChangedNanoseconds);
