namespace Grid.Sandbox.OciRuntime.Bundles;

/// <summary>Turns a process into a bundle: what is isolated, masked and allowed is decided here and nowhere else.</summary>
internal static class BundleFactory
{
    /// <summary>Where the CA bundle is inside.</summary>
    public const string CaPath = "/run/grid/ca-certificates.crt";

    /// <summary>Directories the runtime mounts over; they must exist in the root.</summary>
    public static readonly IReadOnlyList<string> MountPoints = ["/dev", "/proc", "/sys"];

    // What docker gives a container by default. Package managers need to chown, setuid, mknod and chroot.
    public static readonly IReadOnlyList<string> PackageManagerCapabilities =
    [
        "CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
        "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
    ];

    private static readonly string[] CaVariables = ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "PIP_CERT", "GIT_SSL_CAINFO"];

    public static readonly IReadOnlyList<string> MaskedPaths =
    [
        "/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
        "/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
    ];

    public static readonly IReadOnlyList<string> ReadonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"];

    // Nodes may be made (they end in the layer) but only the harmless ones opened.
    private static readonly BundleDevice[] Devices =
    [
        new(false, "rwm"), new(true, "m") { Type = "c" }, new(true, "m") { Type = "b" },
        Character(1, 3), Character(1, 5), Character(1, 7), Character(1, 8), Character(1, 9), Character(5, 0), Character(5, 2), Character(136, null),
    ];

    private static readonly BundleMount[] Mounts =
    [
        new("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
        new("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
        new("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]),
        new("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=67108864"]),
    ];

    // In a user namespace sysfs can only be mounted by whoever owns the network namespace, which for processes with a network is the machine.
    private static readonly BundleMount System = UserNamespace.IsInside
        ? new("/sys", "none", "/sys", ["rbind", "rro", "nosuid", "noexec", "nodev"]) : new("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]);

    /// <summary>The bundle of a process.</summary>
    public static Bundle Create(ProcessSpec process, ContainerPlace place)
    {
        var privileged = process.Privileges == Privileges.PackageManager;
        return new Bundle("1.0.2", new BundleRoot(place.Root, Readonly: false), place.HostName, Process(process, privileged, place), [.. Mounts, System], new BundleLinux(Namespaces(process.Network, place), place.ControlGroup)
        {
            Resources = new BundleResources(Devices),
            MaskedPaths = UserNamespace.IsInside ? [.. MaskedPaths, "/sys/fs/cgroup"] : MaskedPaths,
            ReadonlyPaths = ReadonlyPaths,
            Seccomp = Seccomp.Profile(privileged),
        });
    }

    private static BundleProcess Process(ProcessSpec process, bool privileged, ContainerPlace place)
    {
        Check(process);
        // Never inheritable or ambient (CVE-2022-27651); a process that is not root gets them only by executing a file that has them.
        var bounding = privileged ? PackageManagerCapabilities : [];
        var effective = privileged && process.User.UserId == 0 ? PackageManagerCapabilities : [];
        var user = new BundleUser(process.User.UserId, process.User.GroupId, process.User.SupplementaryGroups);
        return new BundleProcess(process.Arguments, place.HasCaBundle ? WithCaVariables(process.Environment) : process.Environment, process.WorkingDirectory, user)
        {
            NoNewPrivileges = !privileged,
            Capabilities = new BundleCapabilities(bounding, effective, effective),
            Rlimits = Limits(place),
        };
    }

    private static List<BundleLimit>? Limits(ContainerPlace place)
    {
        var limits = new List<BundleLimit>();
        if (place.MaxProcesses is { } processes)
            limits.Add(new BundleLimit("RLIMIT_NPROC", processes, processes));
        if (place.MaxFileBytes > 0)
            limits.Add(new BundleLimit("RLIMIT_FSIZE", place.MaxFileBytes, place.MaxFileBytes));
        return limits.Count > 0 ? limits : null;
    }

    /// <summary>Throws for a process that cannot be meant.</summary>
    public static void Check(ProcessSpec process)
    {
        if (process.Arguments is not [{ Length: > 0 }, ..])
            throw new ArgumentException("a process needs an executable");
        if (!process.WorkingDirectory.StartsWith('/'))
            throw new ArgumentException($"the working directory '{process.WorkingDirectory}' must be absolute");
        // 4294967295 and the like must not wrap to another identity (CVE-2024-40635).
        if (process.User is { UserId: < 0 } or { GroupId: < 0 } || process.User.SupplementaryGroups.Any(id => id < 0))
            throw new ArgumentException("user and group ids are 0 to 2147483647");
        if (process.Environment.FirstOrDefault(v => v.IndexOf('=', StringComparison.Ordinal) < 1) is { } broken)
            throw new ArgumentException($"the environment entry '{broken}' is not of the form NAME=value");
        foreach (var text in process.Arguments.Concat(process.Environment).Append(process.WorkingDirectory))
        {
            if (text.Contains('\0', StringComparison.Ordinal))
                throw new ArgumentException("arguments, environment and working directory cannot contain a zero byte");
        }
    }

    /// <summary>The environment, with the variables that name the CA file where the process does not set them itself.</summary>
    public static List<string> WithCaVariables(IReadOnlyList<string> environment)
    {
        var result = new List<string>(environment);
        foreach (var name in CaVariables)
        {
            if (!environment.Any(variable => variable.StartsWith(name + "=", StringComparison.Ordinal)))
                result.Add($"{name}={CaPath}");
        }
        return result;
    }

    private static List<BundleNamespace> Namespaces(bool network, ContainerPlace place)
    {
        string[] own = ["pid", "mount", "ipc", "uts", "cgroup"];
        var namespaces = own.Where(HasNamespace).Select(type => new BundleNamespace(type)).ToList();
        if (!network || place.Egress == SandboxEgress.None)
            namespaces.Add(new BundleNamespace("network"));
        else if (place.Egress == SandboxEgress.Open)
            namespaces.Add(new BundleNamespace("network") { Path = place.NetworkNamespace });
        return namespaces;
    }

    private static bool HasNamespace(string type) => type != "cgroup" || File.Exists("/proc/self/ns/cgroup");

    private static BundleDevice Character(long major, long? minor) => new(true, "rwm") { Type = "c", Major = major, Minor = minor };
}

/// <summary>Where a container runs.</summary>
/// <param name="Root">Its mounted root file system.</param>
/// <param name="HostName">What it sees as host name.</param>
/// <param name="HasCaBundle">Whether the CA file has been bound at <see cref="BundleFactory.CaPath"/>.</param>
internal sealed record ContainerPlace(string Root, string HostName, bool HasCaBundle)
{
    /// <summary>Its control group from the root of each hierarchy, or null for none.</summary>
    public string? ControlGroup { get; init; }

    /// <summary>What a process with a network may reach.</summary>
    public SandboxEgress Egress { get; init; } = SandboxEgress.None;

    /// <summary>The network namespace of a process with an <see cref="SandboxEgress.Open"/> network.</summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>Bytes one file may have; 0 means no bound.</summary>
    public long MaxFileBytes { get; init; }

    /// <summary>How many processes its user may have, for want of a control group; null when that limits them.</summary>
    public int? MaxProcesses { get; init; }
}
