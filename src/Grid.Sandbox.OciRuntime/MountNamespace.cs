using System.Text;
using Grid.Sandbox.OciRuntime.Linux;

namespace Grid.Sandbox.OciRuntime;

/// <summary>
/// A mount namespace of our own: mounts made in it are invisible to the rest of the machine and vanish with the process, even after
/// <c>kill -9</c>; and crun can be helped on hosts with hybrid control groups without changing the host.
/// </summary>
public static class MountNamespace
{
    private const string Marker = "GRID_MOUNT_NAMESPACE";
    internal const string HybridCgroup2 = "/sys/fs/cgroup/unified";
    private const ulong Recursive = 0x4000, Slave = 1 << 19, NoSuidNoDevNoExec = 0xE;

    /// <summary>Whether this process (or an ancestor) has entered a private namespace by <see cref="EnterPrivate"/>.</summary>
    public static bool IsPrivate => Environment.GetEnvironmentVariable(Marker) is { Length: > 0 } outer && outer != Current;

    private static string Current => new FileInfo("/proc/self/ns/mnt").LinkTarget ?? "";

    /// <summary>
    /// Starts this same command line again (same process id, arguments, environment and terminal) inside a private mount namespace that still
    /// receives the host's mounts. Returns at once when <see cref="IsPrivate"/>; otherwise does not return. Call it first thing in Main:
    /// threads and managed state are gone afterwards. Without root it is a user namespace with another process id (<see cref="UserNamespace"/>).
    /// Throws <see cref="IOException"/> when the machine does not allow it.
    /// </summary>
    public static void EnterPrivate()
    {
        if (IsPrivate)
            return;
        var executable = new FileInfo("/proc/self/exe").LinkTarget ?? throw new IOException("cannot read /proc/self/exe; is /proc mounted?");
        var arguments = ReadCommandLine();
        Environment.SetEnvironmentVariable(Marker, Current);
        if (!Environment.IsPrivilegedProcess)
            UserNamespace.Enter(executable, arguments);

        // unshare(2) in a process with threads moves only the calling thread; execve(2) ends the others and goes on as this one.
        Libc.UnshareMounts();
        Libc.Mount(null, "/", null, Recursive | Slave, null);
        Libc.Execute(executable, arguments);
    }

    /// <summary>
    /// Covers the (controller-less) cgroup v2 tree of a hybrid host, which crun 1.8 refuses to work beside. Only ever in a private namespace. An
    /// empty file system rather than the bare directory, because crun then makes its groups there too, as ordinary directories.
    /// </summary>
    internal static void HideHybridCgroup2()
    {
        if (IsPrivate && Directory.Exists("/sys/fs/cgroup/memory") && File.Exists(HybridCgroup2 + "/cgroup.controllers"))
            Libc.Mount("grid", HybridCgroup2, "tmpfs", NoSuidNoDevNoExec, "size=4m,mode=755");
    }

    private static List<string> ReadCommandLine()
    {
        var text = Encoding.UTF8.GetString(File.ReadAllBytes("/proc/self/cmdline"));
        return [.. text.TrimEnd('\0').Split('\0')];
    }
}
