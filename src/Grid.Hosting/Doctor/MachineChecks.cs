namespace Grid.Hosting.Doctor;

/// <summary>What the kernel offers, read from its files.</summary>
/// <param name="root">Where <c>/proc</c> and <c>/sys</c> are; "/" but for tests.</param>
internal sealed class MachineChecks(string root = "/")
{
    /// <summary>The oldest kernel whose overlay file system and mount calls do what sandboxes need.</summary>
    private static readonly Version OldestKernel = new(5, 12);

    /// <summary>Controllers that hold a sandbox's limits.</summary>
    private static readonly string[] Controllers = ["cpu", "memory", "pids"];

    public IEnumerable<Finding> All() => [Kernel(), Overlay(), ControlGroups(), Seccomp()];

    public Finding Kernel()
    {
        var release = Read("proc/sys/kernel/osrelease").Trim();
        var number = new string([.. release.TakeWhile(c => char.IsAsciiDigit(c) || c == '.')]).TrimEnd('.');
        return Version.TryParse(number, out var version) && version >= OldestKernel
            ? Finding.Ok("kernel", release)
            : Finding.Missing("kernel", $"{(release.Length == 0 ? "unknown" : release)}, older than {OldestKernel}", "install a newer kernel: apt-get install linux-image-amd64, and reboot");
    }

    public Finding Overlay() => Read("proc/filesystems").Split('\n').Any(l => l.EndsWith("\toverlay", StringComparison.Ordinal))
        ? Finding.Ok("overlay file system", "available")
        : Finding.Missing("overlay file system", "the kernel does not know it", "modprobe overlay, and add 'overlay' to /etc/modules");

    public Finding ControlGroups()
    {
        var unified = Read("sys/fs/cgroup/cgroup.controllers").Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries);
        var (version, there) = unified.Length > 0 ? ("2", unified) : ("1", [.. Controllers.Where(c => Directory.Exists(Path.Combine(root, "sys/fs/cgroup", c)))]);
        var missing = Controllers.Except(there, StringComparer.Ordinal).ToList();
        return missing.Count == 0
            ? Finding.Ok("control groups", $"version {version} with {string.Join(", ", Controllers)}")
            : Finding.Missing("control groups", $"no controller for {string.Join(", ", missing)}", "mount -t cgroup2 none /sys/fs/cgroup; in a container, start it with --privileged --cgroupns=host");
    }

    public Finding Seccomp() => File.Exists(Path.Combine(root, "proc/sys/kernel/seccomp/actions_avail"))
        ? Finding.Ok("seccomp", "available")
        : Finding.Missing("seccomp", "the kernel does not filter system calls", "use a kernel with CONFIG_SECCOMP_FILTER (every distribution's has it)");

    /// <summary>The disk of the data directory: whether it can be written, has room, and survives a power failure.</summary>
    public static IEnumerable<Finding> DataDirectory(string directory)
    {
        Finding? trouble = null;
        try
        {
            PrivateDirectory.Create(directory);
            var probe = Path.Combine(directory, $".doctor-{Guid.NewGuid():n}");
            File.WriteAllBytes(probe, [0]);
            File.Delete(probe);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            trouble = Finding.Missing("data directory", $"{directory}: {e.Message}", "make it writable, or name another with --data-dir (GRID_DATA_DIR)");
        }
        return trouble is not null ? [trouble] : [Room(directory)];
    }

    private static Finding Room(string directory)
    {
        const long Least = 5L << 30;
        var free = new DriveInfo(directory).AvailableFreeSpace;
        var text = $"{directory}: {free / (double)(1 << 30):0.0} GiB free";
        return free >= Least ? Finding.Ok("data directory", text) : Finding.Advice("data directory", text, "free some space: layers of base images alone take gigabytes");
    }

    /// <summary>An ext4 file system without a journal is checked for minutes after a power failure, and is slow when much is deleted.</summary>
    public Finding Journal(string directory)
    {
        var mount = Read("proc/self/mounts").Split('\n').Select(l => l.Split(' ')).Where(f => f.Length > 2 && IsBelow(directory, f[1])).MaxBy(f => f[1].Length);
        if (mount is null || mount[2] != "ext4")
            return Finding.Ok("disk", mount is null ? "unknown file system" : mount[2]);
        var device = Path.GetFileName(mount[0]);
        return Directory.Exists(Path.Combine(root, "proc/fs/jbd2")) && Directory.EnumerateDirectories(Path.Combine(root, "proc/fs/jbd2")).Any(d => Path.GetFileName(d).StartsWith(device + "-", StringComparison.Ordinal))
            ? Finding.Ok("disk", "ext4 with a journal")
            : Finding.Advice("disk", $"ext4 on {mount[0]} without a journal", $"tune2fs -O has_journal {mount[0]}, while it is not mounted");
    }

    private static bool IsBelow(string directory, string mountPoint) =>
        mountPoint == "/" || directory == mountPoint || directory.StartsWith(mountPoint + "/", StringComparison.Ordinal);

    /// <summary>A file of the kernel; empty when it is not there, which is an answer too.</summary>
    private string Read(string path) => File.Exists(Path.Combine(root, path)) ? File.ReadAllText(Path.Combine(root, path)) : "";
}
