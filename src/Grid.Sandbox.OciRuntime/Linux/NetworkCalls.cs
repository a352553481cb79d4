using System.Runtime.InteropServices;
using Grid.Sandbox.OciRuntime.Networks;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Linux;

/// <summary>System calls about network namespaces and what is in them; all throw <see cref="IOException"/>.</summary>
internal static unsafe class NetworkCalls
{
    private const long SysPidFdGetFd = 438;
    private const nuint AddRoute = 0x890B, DeleteRoute = 0x890C, TunAttachFilter = 0x401054D5;

    /// <summary>Moves the calling thread, and only that, into a network namespace.</summary>
    public static void Enter(SafeFileHandle ns) => Check(setns((int)Libc.Raw(ns), 0x40000000), "cannot enter a network namespace");

    /// <summary>A socket through which routes of the calling thread's network namespace are changed, from any thread.</summary>
    public static SafeFileHandle OpenRoutes()
    {
        const int Inet = 2, DatagramCloseOnExec = 0x80002;
        return Handle(socket(Inet, DatagramCloseOnExec, 0), "cannot make a socket");
    }

    /// <summary>Adds a route (<see cref="RouteEntry"/>).</summary>
    public static void Add(SafeFileHandle routes, byte[] route) => Change(routes, AddRoute, route, "cannot add a route");

    /// <summary>Takes a route away.</summary>
    public static void Delete(SafeFileHandle routes, byte[] route) => Change(routes, DeleteRoute, route, "cannot remove a route");

    /// <summary>A copy of another process's descriptor; needs what ptrace(2) needs.</summary>
    /// <param name="process">A pidfd.</param>
    /// <param name="descriptor">Its number in that process.</param>
    public static SafeFileHandle Duplicate(SafeFileHandle process, int descriptor) =>
        Handle(syscall(SysPidFdGetFd, Libc.Raw(process), descriptor, 0), "cannot take over a descriptor (pidfd_getfd)");

    /// <summary>Lets a tap device give only those frames to its reader for which a classic BPF program does not answer 0; in place of the program before.</summary>
    public static void SetFilter(SafeFileHandle tap, FilterInstruction[] program)
    {
        fixed (FilterInstruction* instructions = program)
        {
            // struct sock_fprog
            var filter = stackalloc nint[2] { program.Length, (nint)instructions };
            Check(ioctl(Libc.Raw(tap), TunAttachFilter, (byte*)filter), "cannot set the filter of a tap device");
        }
    }

    private static void Change(SafeFileHandle routes, nuint request, byte[] route, string what)
    {
        fixed (byte* entry = route)
            Check(ioctl(Libc.Raw(routes), request, entry), what);
    }

    private static SafeFileHandle Handle(long result, string what)
    {
        Check(result, what);
        return new SafeFileHandle((nint)result, ownsHandle: true);
    }

    private static void Check(long result, string what)
    {
        if (result < 0)
            throw Libc.Failure(what);
    }

    [DllImport("libc", SetLastError = true)]
    private static extern int setns(int fd, int type);

    [DllImport("libc", SetLastError = true)]
    private static extern int socket(int domain, int type, int protocol);

    [DllImport("libc", SetLastError = true)]
    private static extern int ioctl(nint fd, nuint request, byte* argument);

    [DllImport("libc", SetLastError = true)]
    private static extern long syscall(long number, nint a, nint b, nint c);
}
