using System.Globalization;
using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Engines;

/// <summary>
/// The control group of one sandbox; the runtime makes one below it for each process, so the limits hold for all of them together.
/// Version 2 where it is mounted at /sys/fs/cgroup, otherwise the version 1 hierarchies (also of a hybrid host).
/// </summary>
internal sealed class ControlGroup : IDisposable
{
    /// <summary>Microseconds, the kernel's own default.</summary>
    private const long CpuPeriod = 100_000;
    private const string Root = "/sys/fs/cgroup";
    private readonly SafeFileHandle? _oomEvents;
    private readonly SafeFileHandle? _oomControl;

    private ControlGroup(string path, SafeFileHandle? oomEvents, SafeFileHandle? oomControl)
    {
        Path = path;
        _oomEvents = oomEvents;
        _oomControl = oomControl;
    }

    /// <summary>From the root of each hierarchy; empty when there is no group.</summary>
    public string Path { get; }

    /// <summary>Whether there is a group. There is none where control groups belong to somebody else (<see cref="UserNamespace"/>).</summary>
    public bool Exists => Path.Length > 0;

    private static bool IsVersion2 => File.Exists(Root + "/cgroup.controllers");

    /// <summary>Makes the group and sets its limits; a limit that cannot be set is an error, not a weaker sandbox.</summary>
    public static ControlGroup Create(string path, SandboxLimits limits)
    {
        try
        {
            return IsVersion2 ? CreateVersion2(path, limits) : CreateVersion1(path, limits);
        }
        catch (Exception refused) when (UserNamespace.IsInside && limits is { MemoryBytes: 0, CpuMillis: 0 } && refused is IOException or UnauthorizedAccessException)
        {
            // Who runs without root has no control groups, unless somebody delegated one. The number of processes is limited otherwise then.
            return new ControlGroup("", null, null);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            Remove(path);
            var advice = UserNamespace.IsInside ? "; memory and processors can be limited as root only" : "";
            throw new SandboxException($"cannot set the limits of the control group {path}: {failure.Message}{advice}", failure);
        }
    }

    /// <summary>Whether a process of the sandbox has been killed for lack of memory since this was last asked.</summary>
    public bool TakeOutOfMemory()
    {
        if (_oomEvents is null)
            return false;
        Span<byte> counter = stackalloc byte[8];
        return Libc.TryRead(_oomEvents, counter) == 8;
    }

    /// <summary>How many processes of the sandbox have been killed for lack of memory so far (version 2 only).</summary>
    public long OutOfMemoryKills()
    {
        var events = $"{Root}{Path}/memory.events";
        if (!Exists || !IsVersion2 || !File.Exists(events))
            return 0;
        var line = File.ReadLines(events).FirstOrDefault(l => l.StartsWith("oom_kill ", StringComparison.Ordinal));
        return line is null ? 0 : long.Parse(line.AsSpan(9), CultureInfo.InvariantCulture);
    }

    /// <summary>Kills everything in the group of one process or, with an empty name, in the sandbox; answers whether there was anything.</summary>
    public bool Kill(string child = "") => Exists && Kill(Path, child);

    /// <inheritdoc cref="Kill(string)"/>
    public static bool Kill(string path, string child)
    {
        var any = false;
        foreach (var hierarchy in Hierarchies())
        {
            foreach (var directory in Descendants($"{hierarchy}{path}/{child}".TrimEnd('/')))
                any |= KillMembers(directory);
        }
        return any;
    }

    /// <summary>Removes an empty group in all hierarchies; answers whether it is gone. Parents without other groups go too.</summary>
    public static bool Remove(string path)
    {
        var gone = true;
        foreach (var hierarchy in Hierarchies())
        {
            foreach (var directory in Descendants(hierarchy + path))
                gone &= TryRemove(directory);
            for (var parent = System.IO.Path.GetDirectoryName(path); parent is not (null or "/"); parent = System.IO.Path.GetDirectoryName(parent))
            {
                if (!TryRemove(hierarchy + parent))
                    break;
            }
        }
        RemoveMadeUp(path);
        return gone;
    }

    /// <summary>What crun made where the version 2 tree of a hybrid host is covered: plain directories, see <see cref="MountNamespace"/>.</summary>
    private static void RemoveMadeUp(string path)
    {
        var directory = MountNamespace.HybridCgroup2 + path;
        if (!Directory.Exists(directory) || File.Exists(MountNamespace.HybridCgroup2 + "/cgroup.controllers"))
            return;
        Directory.Delete(directory, recursive: true);
        for (var parent = System.IO.Path.GetDirectoryName(path); parent is not (null or "/"); parent = System.IO.Path.GetDirectoryName(parent))
        {
            if (!TryRemove(MountNamespace.HybridCgroup2 + parent))
                break;
        }
    }

    public void Dispose()
    {
        _oomEvents?.Dispose();
        _oomControl?.Dispose();
    }

    /// <summary>Microseconds of processor time in a period; the kernel takes no less than a thousand.</summary>
    private static long Quota(SandboxLimits limits) => Math.Max(1_000, limits.CpuMillis * CpuPeriod / 1_000);

    private static ControlGroup CreateVersion1(string path, SandboxLimits limits)
    {
        var pids = Make(Root + "/pids", path);
        File.WriteAllText(pids + "/pids.max", Text(limits.MaxProcesses));
        if (limits.CpuMillis > 0)
        {
            var cpu = Make(Root + "/cpu", path);
            File.WriteAllText(cpu + "/cpu.cfs_period_us", Text(CpuPeriod));
            File.WriteAllText(cpu + "/cpu.cfs_quota_us", Text(Quota(limits)));
        }
        if (limits.MemoryBytes <= 0)
            return new ControlGroup(path, null, null);
        var memory = Make(Root + "/memory", path);
        File.WriteAllText(memory + "/memory.limit_in_bytes", Text(limits.MemoryBytes));
        if (File.Exists(memory + "/memory.memsw.limit_in_bytes"))
            File.WriteAllText(memory + "/memory.memsw.limit_in_bytes", Text(limits.MemoryBytes));
        // The count of kills stays in the group of the process, which the runtime removes; an event reaches us from the whole subtree.
        var control = File.OpenHandle(memory + "/memory.oom_control");
        var events = Libc.EventFd();
        File.WriteAllText(memory + "/cgroup.event_control", $"{Libc.Raw(events)} {Libc.Raw(control)}");
        return new ControlGroup(path, events, control);
    }

    private static ControlGroup CreateVersion2(string path, SandboxLimits limits)
    {
        // A controller is usable in a group when every ancestor passes it on.
        var wanted = "+pids" + (limits.MemoryBytes > 0 ? " +memory" : "") + (limits.CpuMillis > 0 ? " +cpu" : "");
        var directory = Root;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            File.WriteAllText(directory + "/cgroup.subtree_control", wanted);
            directory += "/" + part;
            Directory.CreateDirectory(directory);
        }
        File.WriteAllText(directory + "/cgroup.subtree_control", wanted);
        File.WriteAllText(directory + "/pids.max", Text(limits.MaxProcesses));
        if (limits.CpuMillis > 0)
            File.WriteAllText(directory + "/cpu.max", $"{Text(Quota(limits))} {Text(CpuPeriod)}");
        if (limits.MemoryBytes > 0)
        {
            File.WriteAllText(directory + "/memory.max", Text(limits.MemoryBytes));
            if (File.Exists(directory + "/memory.swap.max"))
                File.WriteAllText(directory + "/memory.swap.max", "0");
        }
        return new ControlGroup(path, null, null);
    }

    private static string Make(string hierarchy, string path)
    {
        if (!File.Exists(hierarchy + "/cgroup.procs"))
            throw new IOException($"{hierarchy} is not a control group hierarchy; mount it, or use control groups version 2");
        // A sandbox that ends at the same moment may remove the shared parent between our two steps.
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                return Directory.CreateDirectory(hierarchy + path).FullName;
            }
            catch (IOException) when (attempt < 5)
            {
            }
        }
    }

    private static IEnumerable<string> Hierarchies() =>
        IsVersion2 ? [Root] : Directory.Exists(Root) ? Directory.EnumerateDirectories(Root).Where(d => File.Exists(d + "/cgroup.procs")) : [];

    /// <summary>The group and all below it, deepest first.</summary>
    private static List<string> Descendants(string directory)
    {
        var result = new List<string>();
        if (!Directory.Exists(directory))
            return result;
        try
        {
            foreach (var child in Directory.GetDirectories(directory))
                result.AddRange(Descendants(child));
        }
        catch (DirectoryNotFoundException)
        {
            // The runtime removed it meanwhile.
        }
        result.Add(directory);
        return result;
    }

    private static bool KillMembers(string directory)
    {
        try
        {
            var members = File.ReadAllLines(directory + "/cgroup.procs");
            foreach (var member in members)
            {
                if (int.TryParse(member, CultureInfo.InvariantCulture, out var pid) && pid > 0)
                    Libc.TryKill(pid, 9);
            }
            return members.Length > 0;
        }
        catch (IOException)
        {
            // The group is gone, and with it what was in it.
            return false;
        }
    }

    private static bool TryRemove(string directory)
    {
        try
        {
            Directory.Delete(directory, recursive: false);
            return true;
        }
        catch (DirectoryNotFoundException)
        {
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static string Text(long number) => number.ToString(CultureInfo.InvariantCulture);
}
