using System.Runtime.InteropServices;
using Grid.Oci.FileSystem;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Linux;

/// <summary>
/// The system calls this adapter needs that the base class library has no words for. Names are strings in which bytes that are not UTF-8
/// are lone surrogates (<see cref="BytePath"/>). Methods named <c>Try…</c> answer an errno (0 = done), others throw <see cref="IOException"/>.
/// </summary>
internal static unsafe class Libc
{
    private const long SysOpenTree = 428, SysMoveMount = 429, SysFsOpen = 430, SysFsConfig = 431, SysFsMount = 432, SysPidFdOpen = 434,
        SysOpenAt2 = 437, SysMountSetAttr = 442;

    private const int AtFdCwd = -100;

    /// <summary>A name as zero-terminated bytes.</summary>
    public static byte[] Bytes(string path)
    {
        var bytes = BytePath.Encode(path);
        return bytes.AsSpan().Contains((byte)0) ? throw new IOException($"'{path}' contains a zero byte") : [.. bytes, 0];
    }

    /// <summary>An exception for the errno of the last call.</summary>
    public static IOException Failure(string what) => Failure(what, Marshal.GetLastPInvokeError());

    /// <summary>An exception for an errno.</summary>
    public static IOException Failure(string what, int errno) => new($"{what}: {Marshal.GetPInvokeErrorMessage(errno)}", errno);

    // --- mounts ---

    public static SafeFileHandle FsOpen(string type)
    {
        fixed (byte* name = Bytes(type))
            return Handle(syscall(SysFsOpen, (nint)name, 1, 0, 0, 0), $"cannot open the file system type {type}");
    }

    /// <summary>FSCONFIG_SET_FLAG (0), FSCONFIG_SET_STRING (1) and FSCONFIG_CMD_CREATE (6).</summary>
    public static int TryFsConfig(SafeFileHandle context, int command, string? key, string? value)
    {
        fixed (byte* k = key is null ? null : Bytes(key), v = value is null ? null : Bytes(value))
            return Errno(syscall(SysFsConfig, Raw(context), command, (nint)k, (nint)v, 0));
    }

    public static SafeFileHandle FsMount(SafeFileHandle context, uint attributes) =>
        Handle(syscall(SysFsMount, Raw(context), 1, (nint)attributes, 0, 0), "fsmount failed");

    /// <summary>A detached copy of the mount at a path, with those below it when <paramref name="recursive"/>.</summary>
    public static SafeFileHandle CloneMount(string path, bool recursive)
    {
        fixed (byte* p = Bytes(path))
            return Handle(syscall(SysOpenTree, AtFdCwd, (nint)p, 0x1 | 0x80000 | (recursive ? 0x8000 : 0), 0, 0), $"cannot clone the mount {path}");
    }

    /// <summary>Sets attributes (MOUNT_ATTR_*) and the propagation of a mount and all below it.</summary>
    public static void SetMountAttributes(SafeFileHandle mount, ulong set, ulong propagation)
    {
        var attributes = stackalloc ulong[4] { set, 0, propagation, 0 };
        byte empty = 0;
        Check(syscall(SysMountSetAttr, Raw(mount), (nint)(&empty), 0x1000 | 0x8000, (nint)attributes, 32), "mount_setattr failed");
    }

    /// <summary>Attaches a detached mount onto an open directory or file, so that nothing can redirect it.</summary>
    public static void MoveMount(SafeFileHandle mount, SafeFileHandle target)
    {
        byte empty = 0;
        Check(syscall(SysMoveMount, Raw(mount), (nint)(&empty), Raw(target), (nint)(&empty), 0x4 | 0x40), "cannot attach a mount");
    }

    public static void Mount(string? source, string target, string? type, ulong flags, string? data)
    {
        var result = mount(source is null ? null : Bytes(source), Bytes(target), type is null ? null : Bytes(type), flags, data is null ? null : Bytes(data));
        Check(result, $"cannot mount {type ?? source} on {target}");
    }

    public static int TryUnmount(string path, bool lazy) => Errno(umount2(Bytes(path), (lazy ? 2 : 0) | 8));

    // --- files ---

    /// <summary>openat2(2): see <see cref="OpenHow"/> for flags.</summary>
    public static SafeFileHandle? TryOpenAt(SafeFileHandle directory, string path, ulong flags, ulong resolve, out int errno)
    {
        var how = stackalloc ulong[3] { flags | OpenHow.CloseOnExec, 0, resolve };
        fixed (byte* p = Bytes(path))
        {
            var fd = syscall(SysOpenAt2, Raw(directory), (nint)p, (nint)how, 24, 0);
            errno = Errno(fd);
            return errno == 0 ? new SafeFileHandle((nint)fd, ownsHandle: true) : null;
        }
    }

    public static SafeFileHandle OpenRead(string path)
    {
        using var cwd = new SafeFileHandle(AtFdCwd, ownsHandle: false);
        return TryOpenAt(cwd, path, 0, 0, out var errno) ?? throw Failure($"cannot open {path}", errno);
    }

    public static SafeFileHandle OpenDirectory(string path)
    {
        using var cwd = new SafeFileHandle(AtFdCwd, ownsHandle: false);
        return TryOpenAt(cwd, path, OpenHow.Directory | OpenHow.Path, 0, out var errno) ?? throw Failure($"cannot open the directory {path}", errno);
    }

    /// <summary>Renames unless something is at the target: then EEXIST.</summary>
    public static int TryRenameNew(string from, string to) => Errno(renameat2(AtFdCwd, Bytes(from), AtFdCwd, Bytes(to), 1));

    public static void ChangeMode(string path, int mode) => Check(chmod(Bytes(path), (uint)mode), $"cannot change the mode of {path}");

    public static void Sync(SafeFileHandle anyFile) => Check(syncfs(Raw(anyFile)), "syncfs failed");

    // --- processes ---

    /// <summary>A descriptor that becomes readable when the process ends; null when there is no such process.</summary>
    public static SafeFileHandle? TryOpenProcess(int pid)
    {
        var fd = syscall(SysPidFdOpen, pid, 0, 0, 0, 0);
        return fd < 0 ? null : new SafeFileHandle((nint)fd, ownsHandle: true);
    }

    /// <summary>Becomes another program, with our environment as it is now; does not return.</summary>
    public static void Execute(string executable, IReadOnlyList<string> arguments)
    {
        var environment = new List<string>();
        foreach (System.Collections.DictionaryEntry variable in Environment.GetEnvironmentVariables())
            environment.Add($"{variable.Key}={variable.Value}");
        using var argv = new StringVector(arguments);
        using var envp = new StringVector(environment);
        _ = execve(Bytes(executable), argv.Pointers, envp.Pointers);
        throw Failure($"cannot start {executable}");
    }

    public static int TryKill(int pid, int signal) => Errno(kill(pid, signal));

    /// <summary>Moves the calling thread, and only that, into another process's mount namespace. It cannot come back.</summary>
    public static void EnterMountNamespace(SafeFileHandle ns)
    {
        // A namespace of mounts cannot be entered with a root and a working directory that other threads share.
        Check(unshare(0x200), "cannot leave the shared working directory");
        Check(setns(Raw(ns), 0x20000), "cannot enter a mount namespace");
    }

    /// <summary>A second descriptor, with a number that nobody gives a meaning to; not inherited.</summary>
    public static SafeFileHandle DuplicateHigh(SafeFileHandle handle) => Handle(fcntl(Raw(handle), 1030, 100), "cannot copy a descriptor");

    /// <summary>Moves what is in a pipe to a place in a file, within the kernel: a process that is killed has moved it, or not. 0 at the end of the pipe.</summary>
    public static int MoveToFile(SafeFileHandle pipe, SafeFileHandle file, long offset, int maxBytes)
    {
        var moved = splice(Raw(pipe), null, Raw(file), &offset, (nuint)maxBytes, 0);
        Check(moved, "cannot keep output");
        return (int)moved;
    }

    /// <summary>Gives the blocks of a part of a file back; it reads as zeros then. Answers an errno.</summary>
    public static int TryForget(SafeFileHandle file, long offset, long length) => Errno(fallocate(Raw(file), 3, offset, length));

    /// <summary>Moves the calling thread, and only that, into a new network namespace.</summary>
    public static void UnshareNetwork() => Check(unshare(0x40000000), "cannot make a network namespace");

    public static void UnshareMounts() => Check(unshare(0x20000), "cannot make a private mount namespace");

    public static nint Raw(SafeFileHandle handle) => handle.DangerousGetHandle();

    /// <summary>Reads what is there (up to the buffer's size); 0 at the end, negative on an error.</summary>
    public static int TryRead(SafeFileHandle handle, Span<byte> buffer)
    {
        fixed (byte* p = buffer)
            return (int)read(Raw(handle), p, (nuint)buffer.Length);
    }

    /// <summary>A counter that the kernel adds to; reading it does not wait.</summary>
    public static SafeFileHandle EventFd() => Handle(eventfd(0, 0x80800), "eventfd failed");

    private static SafeFileHandle Handle(long result, string what)
    {
        Check(result, what);
        return new SafeFileHandle((nint)result, ownsHandle: true);
    }

    private static void Check(long result, string what)
    {
        if (result < 0)
            throw Failure(what);
    }

    private static int Errno(long result) => result < 0 ? Marshal.GetLastPInvokeError() : 0;

    [DllImport("libc", SetLastError = true)]
    private static extern long syscall(long number, nint a, nint b, nint c, nint d, nint e);

    [DllImport("libc", SetLastError = true)]
    private static extern int mount(byte[]? source, byte[] target, byte[]? type, ulong flags, byte[]? data);

    [DllImport("libc", SetLastError = true)]
    private static extern int umount2(byte[] target, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int renameat2(nint fromDirectory, byte[] from, nint toDirectory, byte[] to, uint flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int chmod(byte[] path, uint mode);

    [DllImport("libc", SetLastError = true)]
    private static extern int syncfs(nint fd);

    [DllImport("libc", SetLastError = true)]
    private static extern int execve(byte[] path, byte** argv, byte** envp);

    [DllImport("libc", SetLastError = true)]
    private static extern int kill(int pid, int signal);

    [DllImport("libc", SetLastError = true)]
    private static extern int unshare(int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int setns(nint fd, int type);

    [DllImport("libc", SetLastError = true)]
    private static extern int fcntl(nint fd, int command, nint argument);

    [DllImport("libc", SetLastError = true)]
    private static extern nint splice(nint from, long* fromOffset, nint to, long* toOffset, nuint length, uint flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int fallocate(nint fd, int mode, long offset, long length);

    [DllImport("libc", SetLastError = true)]
    private static extern nint read(nint fd, byte* buffer, nuint size);

    [DllImport("libc", SetLastError = true)]
    private static extern int eventfd(uint initial, int flags);
}

/// <summary>Flags of openat2(2) (asm-generic values; the two that differ on arm64 are chosen at run time).</summary>
internal static class OpenHow
{
    private static readonly bool IsArm = RuntimeInformation.ProcessArchitecture is Architecture.Arm64;

    public const ulong Path = 0x200000, CloseOnExec = 0x80000;
    public const ulong ResolveInRoot = 0x10, ResolveNoMagicLinks = 0x02, ResolveNoSymlinks = 0x04, ResolveBeneath = 0x08;

    public static ulong Directory => IsArm ? 0x4000UL : 0x10000UL;

    public static ulong NoFollow => IsArm ? 0x8000UL : 0x20000UL;
}

/// <summary>The errno values that are decided on.</summary>
internal static class Errno
{
    public const int NoEntry = 2, Interrupted = 4, Busy = 16, Exists = 17, NotDirectory = 20, Invalid = 22, NotEmpty = 39, Loop = 40, NoData = 61;
}
