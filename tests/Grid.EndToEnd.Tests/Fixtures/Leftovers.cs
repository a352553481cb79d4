using System.Security.Cryptography;
using System.Text;

namespace Grid.EndToEnd.Tests.Fixtures;

/// <summary>What a grid must not leave on the machine when it has ended.</summary>
public static class Leftovers
{
    /// <summary>Processes, mounts, control groups and directories that have to do with a data directory.</summary>
    public static IReadOnlyList<string> Of(string data, string marker) => [.. Staying(marker).Select(command => $"process: {command}"), .. Things(data)];

    /// <summary>What is left of a data directory besides processes: what is there now.</summary>
    public static IReadOnlyList<string> Things(string data) =>
    [
        .. File.ReadLines("/proc/self/mountinfo").Where(line => line.Contains(data, StringComparison.Ordinal)).Select(line => $"mount: {line}"),
        .. ControlGroups(data).Select(group => $"control group: {group}"),
        .. Below(Path.Combine(data, "builds")),
        .. Below(Path.Combine(data, "sandbox", "sandboxes")),
        .. Below(Path.Combine(data, "sandbox", "unpacking")),
        .. Below(Path.Combine(data, "sandbox", "owners")),
    ];

    /// <summary>Command lines with a text in them of processes that go on running. What has been killed, or has lost who it worked for, ends a moment later.</summary>
    public static IReadOnlyList<string> Staying(string marker)
    {
        IReadOnlyList<string> running = [];
        SpinWait.SpinUntil(() => (running = [.. Processes(marker)]).Count == 0, TimeSpan.FromSeconds(20));
        return running;
    }

    /// <summary>Mounts of a data directory in any mount namespace of this machine, each with a process that is in it.</summary>
    public static IEnumerable<string> MountsElsewhere(string data)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var process in Directory.GetDirectories("/proc").Where(directory => int.TryParse(Path.GetFileName(directory), out _)))
        {
            string[] mounts;
            try
            {
                if (File.ResolveLinkTarget(Path.Combine(process, "ns", "mnt"), returnFinalTarget: false)?.Name is not { } mountNamespace || !seen.Add(mountNamespace))
                    continue;
                mounts = File.ReadAllLines(Path.Combine(process, "mountinfo"));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // It has ended.
                continue;
            }
            foreach (var mount in mounts.Where(line => line.Contains(data, StringComparison.Ordinal)))
                yield return $"mount seen by {CommandOf(process)}: {mount}";
        }
    }

    /// <summary>Command lines with a text in them that only the test's own processes have.</summary>
    public static IEnumerable<string> Processes(string marker) => Directory.GetDirectories("/proc")
        .Where(directory => int.TryParse(Path.GetFileName(directory), out var id) && id != Environment.ProcessId)
        .Select(CommandOf).Where(command => command.Contains(marker, StringComparison.Ordinal));

    /// <summary>Files with a text in them that are there for RUN to be mounted: secrets and scripts. Those of other grids come and go meanwhile.</summary>
    public static async Task<IReadOnlyList<string>> MountedAsync(string text)
    {
        string[] search = ["/dev/shm", Path.GetTempPath(), "-maxdepth", "3", "(", "-path", "*/grid-mounts-*", "-o", "-path", "*/grid-scripts-*", ")", "-type", "f", "-exec", "grep", "-lF", text, "{}", ";"];
        return (await Tool.TryAsync("find", search)).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private static string CommandOf(string process)
    {
        try
        {
            return File.ReadAllText(Path.Combine(process, "cmdline")).Replace('\0', ' ');
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    // Other grids of this machine may run: a sandbox's group is below one that is named after the state directory.
    private static IEnumerable<string> ControlGroups(string data)
    {
        var owner = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Path.Combine(data, "sandbox"))))[..12];
        var options = new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2 };
        return Directory.Exists("/sys/fs/cgroup")
            ? Directory.EnumerateDirectories("/sys/fs/cgroup", "grid", options).Select(grid => Path.Combine(grid, owner)).Where(Directory.Exists)
                .SelectMany(group => Directory.GetDirectories(group))
            : [];
    }

    private static IEnumerable<string> Below(string directory) => Directory.Exists(directory) ? Directory.GetFileSystemEntries(directory) : [];
}
