using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Grid.Oci.FileSystem;

/// <summary>The system calls behind <see cref="Posix"/>, with the types libc gives them.</summary>
internal static partial class Native
{
    private const string LibC = "libc";

    // The same number on every architecture: it was assigned after the tables were unified.
    internal const nint OpenAt2Number = 437;

    [LibraryImport(LibC, EntryPoint = "open", SetLastError = true)]
    internal static partial int Open(byte[] path, int flags, uint mode);

    [LibraryImport(LibC, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint OpenAt2(nint number, SafeFileHandle directory, byte[] path, ref OpenHow how, nint size);

    [LibraryImport(LibC, EntryPoint = "openat", SetLastError = true)]
    internal static partial int OpenAt(SafeFileHandle directory, byte[] path, int flags, uint mode);

    [LibraryImport(LibC, EntryPoint = "statx", SetLastError = true)]
    internal static partial int StatX(SafeFileHandle directory, byte[] path, int flags, uint mask, out StatXBuffer status);

    [LibraryImport(LibC, EntryPoint = "readlinkat", SetLastError = true)]
    internal static partial nint ReadLinkAt(SafeFileHandle directory, byte[] path, Span<byte> target, nint size);

    [LibraryImport(LibC, EntryPoint = "getdents64", SetLastError = true)]
    internal static partial nint GetDents(SafeFileHandle directory, Span<byte> entries, nint size);

    [LibraryImport(LibC, EntryPoint = "unlinkat", SetLastError = true)]
    internal static partial int UnlinkAt(SafeFileHandle directory, byte[] name, int flags);

    [LibraryImport(LibC, EntryPoint = "mkdirat", SetLastError = true)]
    internal static partial int MkDirAt(SafeFileHandle directory, byte[] name, uint mode);

    [LibraryImport(LibC, EntryPoint = "mknodat", SetLastError = true)]
    internal static partial int MkNodAt(SafeFileHandle directory, byte[] name, uint mode, ulong device);

    [LibraryImport(LibC, EntryPoint = "symlinkat", SetLastError = true)]
    internal static partial int SymLinkAt(byte[] target, SafeFileHandle directory, byte[] name);

    [LibraryImport(LibC, EntryPoint = "linkat", SetLastError = true)]
    internal static partial int LinkAt(SafeFileHandle oldDirectory, byte[] oldName, SafeFileHandle newDirectory, byte[] newName, int flags);

    [LibraryImport(LibC, EntryPoint = "renameat", SetLastError = true)]
    internal static partial int RenameAt(SafeFileHandle oldDirectory, byte[] oldName, SafeFileHandle newDirectory, byte[] newName);

    [LibraryImport(LibC, EntryPoint = "fchownat", SetLastError = true)]
    internal static partial int FChownAt(SafeFileHandle directory, byte[] name, int userId, int groupId, int flags);

    [LibraryImport(LibC, EntryPoint = "fchown", SetLastError = true)]
    internal static partial int FChown(SafeFileHandle file, int userId, int groupId);

    [LibraryImport(LibC, EntryPoint = "fchmod", SetLastError = true)]
    internal static partial int FChmod(SafeFileHandle file, uint mode);

    [LibraryImport(LibC, EntryPoint = "fchmodat", SetLastError = true)]
    internal static partial int FChmodAt(SafeFileHandle directory, byte[] name, uint mode, int flags);

    [LibraryImport(LibC, EntryPoint = "utimensat", SetLastError = true)]
    internal static partial int UTimeNsAt(SafeFileHandle directory, byte[] name, ReadOnlySpan<TimeSpec> times, int flags);

    [LibraryImport(LibC, EntryPoint = "futimens", SetLastError = true)]
    internal static partial int FUTimeNs(SafeFileHandle file, ReadOnlySpan<TimeSpec> times);

    [LibraryImport(LibC, EntryPoint = "write", SetLastError = true)]
    internal static partial nint Write(SafeFileHandle file, ReadOnlySpan<byte> content, nint size);

    [LibraryImport(LibC, EntryPoint = "llistxattr", SetLastError = true)]
    internal static partial nint LListXattr(byte[] path, Span<byte> names, nint size);

    [LibraryImport(LibC, EntryPoint = "lgetxattr", SetLastError = true)]
    internal static partial nint LGetXattr(byte[] path, byte[] name, Span<byte> value, nint size);

    [LibraryImport(LibC, EntryPoint = "lsetxattr", SetLastError = true)]
    internal static partial int LSetXattr(byte[] path, byte[] name, ReadOnlySpan<byte> value, nint size, int flags);

    [LibraryImport(LibC, EntryPoint = "fsetxattr", SetLastError = true)]
    internal static partial int FSetXattr(SafeFileHandle file, byte[] name, ReadOnlySpan<byte> value, nint size, int flags);

    [StructLayout(LayoutKind.Sequential)]
    internal struct OpenHow
    {
        public ulong Flags;
        public ulong Mode;
        public ulong Resolve;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct TimeSpec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct StatXTime
    {
        public long Seconds;
        public uint Nanoseconds;
        public int Reserved;
    }

    /// <summary>struct statx of linux/stat.h; the kernel may write all 256 bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 256)]
    internal struct StatXBuffer
    {
        public uint Mask;
        public uint BlockSize;
        public ulong Attributes;
        public uint LinkCount;
        public uint UserId;
        public uint GroupId;
        public ushort Mode;
        public ushort Reserved;
        public ulong Inode;
        public ulong Size;
        public ulong Blocks;
        public ulong AttributesMask;
        public StatXTime AccessTime;
        public StatXTime BirthTime;
        public StatXTime ChangeTime;
        public StatXTime ModifiedTime;
        public uint DeviceMajor;
        public uint DeviceMinor;
        public uint FileSystemMajor;
        public uint FileSystemMinor;
    }
}
