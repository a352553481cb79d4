using System.Buffers;
using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Grid.Oci.FileSystem;

/// <summary>
/// Linux file calls relative to an open directory, with names as bytes. Methods named <c>Try…</c> return the error number (0 is success);
/// the others throw what <see cref="Error"/> makes of it. Names are zero-terminated (<see cref="Name"/>).
/// </summary>
internal static class Posix
{
    private const uint BasicStats = 0x7FF;
    private const int EntryHeader = 19;

    /// <summary>The name of a directory seen from itself.</summary>
    internal static readonly byte[] Self = ".\0"u8.ToArray();

    private static readonly byte[] Empty = [0];

    /// <summary>A name or path as the kernel takes it.</summary>
    internal static byte[] Name(string text)
    {
        if (text.Contains('\0'))
            throw new ArgumentException($"a file name cannot hold a zero byte: '{text.Replace("\0", "\\0", StringComparison.Ordinal)}'", nameof(text));
        if (!Ascii.IsValid(text))
            return [.. BytePath.Encode(text), 0];
        var bytes = new byte[text.Length + 1];
        Encoding.ASCII.GetBytes(text, bytes);
        return bytes;
    }

    /// <summary>The exception for an error number: what was tried, on which path, and the kernel's reason.</summary>
    internal static IOException Error(int error, string action, string path)
    {
        var reason = Marshal.GetPInvokeErrorMessage(error);
        var message = $"cannot {action} '{path}': {reason}";
        return error switch
        {
            Errno.NoEntry => new FileNotFoundException(message, path),
            Errno.NotDirectory => new DirectoryNotFoundException(message),
            Errno.NoSystemCall => new IOException($"{message} (openat2 is needed: Linux 5.6 or newer, and no seccomp profile that refuses it)", error),
            _ => new IOException(message, error),
        };
    }

    /// <summary>Opens a directory of the host by its own path, for use as a root.</summary>
    internal static SafeFileHandle OpenRoot(string hostDirectory)
    {
        var descriptor = Native.Open(Name(hostDirectory), OpenFlags.PathOnly | OpenFlags.Directory | OpenFlags.CloseOnExec, 0);
        return descriptor >= 0
            ? new SafeFileHandle(descriptor, ownsHandle: true)
            : throw Error(Marshal.GetLastPInvokeError(), "open the directory", hostDirectory);
    }

    /// <summary>openat2(2). A path that starts with "/" starts at <paramref name="root"/> when <see cref="Resolve.InRoot"/> is given.</summary>
    internal static int TryOpen(SafeFileHandle root, byte[] path, int flags, int mode, ulong resolve, out SafeFileHandle file)
    {
        file = null!;
        // TryAgain: a rename elsewhere raced with ".." inside the path; the kernel asks for another attempt.
        for (var attempt = 0; ; attempt++)
        {
            var how = new Native.OpenHow { Flags = (ulong)(flags | OpenFlags.CloseOnExec), Mode = (ulong)mode, Resolve = resolve };
            var descriptor = Native.OpenAt2(Native.OpenAt2Number, root, path, ref how, 24);
            if (descriptor >= 0)
            {
                file = new SafeFileHandle(descriptor, ownsHandle: true);
                return 0;
            }
            var error = Marshal.GetLastPInvokeError();
            if (error == Errno.Interrupted || (error == Errno.TryAgain && attempt < 100))
                continue;
            return error;
        }
    }

    /// <summary>Opens one name in a directory; a link there is an error (ELOOP), never followed.</summary>
    internal static int TryOpenChild(SafeFileHandle directory, byte[] name, int flags, int mode, out SafeFileHandle file)
    {
        file = null!;
        int descriptor;
        do
            descriptor = Native.OpenAt(directory, name, flags | OpenFlags.NoFollow | OpenFlags.CloseOnExec, (uint)mode);
        while (descriptor < 0 && Marshal.GetLastPInvokeError() == Errno.Interrupted);
        if (descriptor < 0)
            return Marshal.GetLastPInvokeError();
        file = new SafeFileHandle(descriptor, ownsHandle: true);
        return 0;
    }

    /// <summary>lstat of a name in a directory.</summary>
    internal static int TryStat(SafeFileHandle directory, byte[] name, out Native.StatXBuffer status) =>
        Result(Native.StatX(directory, name, AtFlags.SymbolicLinkNoFollow, BasicStats, out status));

    /// <summary>Metadata of an open file.</summary>
    internal static Native.StatXBuffer Stat(SafeFileHandle file, string path)
    {
        var error = Result(Native.StatX(file, Empty, AtFlags.EmptyPath | AtFlags.SymbolicLinkNoFollow, BasicStats, out var status));
        return error == 0 ? status : throw Error(error, "stat", path);
    }

    /// <summary>Where a link points, by its directory and name; an empty name reads a link that is itself open.</summary>
    internal static string ReadLink(SafeFileHandle directory, byte[] name, string path)
    {
        Span<byte> target = stackalloc byte[4096];
        var length = Native.ReadLinkAt(directory, name, target, target.Length);
        return length >= 0 ? BytePath.Decode(target[..(int)length]) : throw Error(Marshal.GetLastPInvokeError(), "read the link", path);
    }

    /// <summary>Where an open link (O_PATH, O_NOFOLLOW) points.</summary>
    internal static string ReadLink(SafeFileHandle link, string path) => ReadLink(link, Empty, path);

    /// <summary>The names in an open directory without "." and "..", zero-terminated, in byte order.</summary>
    internal static List<byte[]> ListNames(SafeFileHandle directory, string path)
    {
        var names = new List<byte[]>();
        var buffer = ArrayPool<byte>.Shared.Rent(32 * 1024);
        try
        {
            while (true)
            {
                var length = (int)Native.GetDents(directory, buffer, buffer.Length);
                if (length < 0)
                    throw Error(Marshal.GetLastPInvokeError(), "list", path);
                if (length == 0)
                    break;
                AddNames(buffer.AsSpan(0, length), names);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
        // The terminator is the smallest byte, so a prefix sorts before what it begins.
        names.Sort(static (a, b) => a.AsSpan().SequenceCompareTo(b));
        return names;
    }

    /// <summary>The string form of a zero-terminated name.</summary>
    internal static string Text(byte[] name) => BytePath.Decode(name.AsSpan(0, name.Length - 1));

    /// <summary>Turns the -1 of libc into the error number.</summary>
    internal static int Result(int result) => result < 0 ? Marshal.GetLastPInvokeError() : 0;

    /// <summary>Throws when a call returned -1.</summary>
    internal static void Check(int result, string action, string path)
    {
        if (result < 0)
            throw Error(Marshal.GetLastPInvokeError(), action, path);
    }

    /// <summary>Writes all bytes at the file's position.</summary>
    internal static void Write(SafeFileHandle file, ReadOnlySpan<byte> content, string path)
    {
        while (!content.IsEmpty)
        {
            var written = Native.Write(file, content, content.Length);
            if (written >= 0)
                content = content[(int)written..];
            else if (Marshal.GetLastPInvokeError() is var error && error != Errno.Interrupted)
                throw Error(error, "write", path);
        }
    }

    /// <summary>The two times utimensat(2) takes, both set to one.</summary>
    internal static Native.TimeSpec[] Times(DateTimeOffset time)
    {
        var ticks = time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks;
        var seconds = Math.DivRem(ticks, TimeSpan.TicksPerSecond, out var rest);
        if (rest < 0)
            (seconds, rest) = (seconds - 1, rest + TimeSpan.TicksPerSecond);
        var spec = new Native.TimeSpec { Seconds = seconds, Nanoseconds = rest * 100 };
        return [spec, spec];
    }

    /// <summary>A device number as mknod(2) takes it (glibc's makedev).</summary>
    internal static ulong MakeDevice(uint major, uint minor) =>
        (minor & 0xFFUL) | ((major & 0xFFFUL) << 8) | ((minor & ~0xFFUL) << 12) | ((major & ~0xFFFUL) << 32);

    /// <summary>A status as the record everybody uses.</summary>
    internal static FileEntry Entry(in Native.StatXBuffer status, string name, string? linkTarget) =>
        new(name, Kind(status.Mode), status.Mode & ModeBits.Permissions, new Owner((int)status.UserId, (int)status.GroupId),
            (status.Mode & ModeBits.TypeMask) == ModeBits.Regular ? (long)status.Size : 0, Time(status.ModifiedTime), linkTarget,
            Kind(status.Mode) is FileKind.CharacterDevice or FileKind.BlockDevice ? (status.DeviceMajor, status.DeviceMinor) : default,
            status.Inode, ((ulong)status.FileSystemMajor << 32) | status.FileSystemMinor, status.LinkCount);

    internal static FileKind Kind(int mode) => (mode & ModeBits.TypeMask) switch
    {
        ModeBits.Directory => FileKind.Directory,
        ModeBits.SymbolicLink => FileKind.SymbolicLink,
        ModeBits.CharacterDevice => FileKind.CharacterDevice,
        ModeBits.BlockDevice => FileKind.BlockDevice,
        ModeBits.Fifo => FileKind.Fifo,
        ModeBits.Socket => FileKind.Socket,
        _ => FileKind.Regular,
    };

    private static DateTimeOffset Time(Native.StatXTime time)
    {
        // A file may carry a time outside the years 1-9999 that .NET can express; it is brought to the nearest end.
        var seconds = Math.Clamp(time.Seconds, -62_135_596_800, 253_402_300_799);
        return DateTimeOffset.FromUnixTimeSeconds(seconds).AddTicks(time.Nanoseconds / 100);
    }

    private static void AddNames(ReadOnlySpan<byte> entries, List<byte[]> names)
    {
        // struct linux_dirent64: u64 inode, s64 offset, u16 length, u8 type, name with a terminating zero
        while (!entries.IsEmpty)
        {
            var length = BinaryPrimitives.ReadUInt16LittleEndian(entries[16..]);
            var name = entries[EntryHeader..length];
            name = name[..(name.IndexOf((byte)0) + 1)];
            if (!name.SequenceEqual(".\0"u8) && !name.SequenceEqual("..\0"u8))
                names.Add(name.ToArray());
            entries = entries[length..];
        }
    }
}
