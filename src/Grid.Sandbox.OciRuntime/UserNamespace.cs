using Grid.Sandbox.OciRuntime.Linux;

namespace Grid.Sandbox.OciRuntime;

/// <summary>
/// Sandboxes without root: Grid starts itself again as root of a user namespace, in which overlayfs can be mounted and files can belong to anybody. Users inside are
/// the subordinate ids of the user outside, so nothing of it is more than that user may do.
/// </summary>
public static class UserNamespace
{
    private const string Tool = "/usr/bin/unshare";

    // Waits for the process $c, again when a signal interrupts that, and ends as it does. A terminal sends SIGINT to all; SIGTERM is passed on.
    // It may end just when the signal comes: then the shell still knows how, and a further wait tells; 127 says that this was told before.
    private const string Wait = "c=$!; while wait $c; r=$?; kill -0 $c 2>/dev/null; do :; done; wait $c; s=$?; [ $s -eq 127 ] || r=$s; exit $r";
    private const string Signals = "trap '' INT QUIT; trap 'kill -TERM $c' TERM HUP; exec 3<&0; ";

    /// <summary>The shell that has Grid's process id; its child is the first process of the namespace and dies with it.</summary>
    private const string Outside = Signals + "setpriv --pdeathsig KILL /bin/sh -c \"$0\" sh \"$@\" <&3 3<&- & " + Wait;

    /// <summary>The first process of the namespace. As such .NET would bury all children, before whoever started them can ask how they ended.</summary>
    private const string Inside = "mount -t proc proc /proc || exit 1; " + Signals + "env --default-signal=INT,QUIT \"$@\" <&3 3<&- & " + Wait;

    /// <summary>
    /// Whether this process is in a user namespace that is not the machine's: made by <see cref="Enter"/>, or a container's. Then there are no device nodes,
    /// overlayfs keeps its marks in <c>user.overlay</c> attributes, and control groups usually belong to somebody else.
    /// </summary>
    public static bool IsInside { get; } = !OwnsAllIds();

    /// <summary>
    /// Starts this command line again (same arguments, environment, terminal and signals) as root of a user namespace with private mounts and process ids; does not return.
    /// The kernel kills everything in it when Grid ends, however it ends. Call it first thing in Main. Throws <see cref="IOException"/> with what to do.
    /// </summary>
    internal static void Enter(string executable, IReadOnlyList<string> arguments)
    {
        if (Lacks() is { } lack)
            throw new IOException($"without root, sandboxes need a user namespace, and {lack}; or run Grid as root");
        // Only util-linux's tool: to make the namespace a process must have one thread, and to fill it with ids it needs set-uid programs.
        string[] options = ["--user", "--map-auto", "--map-root-user", "--mount", "--propagation", "slave", "--pid", "--"];
        Libc.Execute(Tool, [Tool, .. options, "/bin/sh", "-c", Outside, Inside, executable, .. arguments.Skip(1)]);
    }

    private static string? Lacks()
    {
        if (!File.Exists(Tool))
            return $"{Tool} is missing: install util-linux 2.38 or newer";
        if (!File.Exists("/usr/bin/newuidmap") || !File.Exists("/usr/bin/newgidmap"))
            return "newuidmap and newgidmap are missing: install the package uidmap (shadow-utils)";
        var user = Environment.UserName;
        foreach (var file in new[] { "/etc/subuid", "/etc/subgid" })
        {
            if (!File.Exists(file) || !File.ReadLines(file).Any(line => line.StartsWith(user + ":", StringComparison.Ordinal)))
                return $"{file} gives the user {user} no ids: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {user}";
        }
        return File.Exists("/proc/sys/user/max_user_namespaces") && File.ReadAllText("/proc/sys/user/max_user_namespaces").Trim() == "0"
            ? "the kernel allows none: sysctl user.max_user_namespaces=10000" : null;
    }

    private static bool OwnsAllIds()
    {
        // inside, outside, count
        var map = File.ReadAllText("/proc/self/uid_map").Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        return map is ["0", "0", "4294967295"];
    }
}
