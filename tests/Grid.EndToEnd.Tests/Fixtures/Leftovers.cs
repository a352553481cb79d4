namespace Grid.EndToEnd.Tests.Fixtures;

/// <summary>What a grid must not leave on the machine when it has ended.</summary>
public static class Leftovers
{
    /// <summary>Processes, mounts, control groups and directories that have to do with a data directory.</summary>
    public static IReadOnlyList<string> Of(string data, string marker) =>
    [
        .. File.ReadLines("/proc/self/mountinfo").Where(line => line.Contains(data, StringComparison.Ordinal)).Select(line => $"mount: {line}"),
        .. Processes(marker).Select(command => $"process: {command}"),
        .. ControlGroups().Select(group => $"control group: {group}"),
        .. Below(Path.Combine(data, "builds")),
        .. Below(Path.Combine(data, "sandbox", "sandboxes")),
        .. Below(Path.Combine(data, "sandbox", "unpacking")),
        .. Below(Path.Combine(data, "sandbox", "owners")),
    ];

    /// <summary>Command lines with a text in them that only the test's own processes have.</summary>
    public static IEnumerable<string> Processes(string marker) => Directory.GetDirectories("/proc")
        .Where(directory => int.TryParse(Path.GetFileName(directory), out var id) && id != Environment.ProcessId)
        .Select(CommandOf).Where(command => command.Contains(marker, StringComparison.Ordinal));

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

    // Other grids of this machine may run: only groups without a process are nobody's.
    private static IEnumerable<string> ControlGroups() => Directory.Exists("/sys/fs/cgroup")
        ? Directory.EnumerateDirectories("/sys/fs/cgroup", "grid", new EnumerationOptions { RecurseSubdirectories = true, MaxRecursionDepth = 2 })
            .SelectMany(grid => Directory.EnumerateDirectories(grid, "*", SearchOption.AllDirectories))
            .Where(group => Path.GetFileName(group).StartsWith("default-", StringComparison.Ordinal) && IsEmpty(group))
        : [];

    private static bool IsEmpty(string group)
    {
        try
        {
            return File.ReadAllText(Path.Combine(group, "cgroup.procs")).Length == 0;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static IEnumerable<string> Below(string directory) => Directory.Exists(directory) ? Directory.GetFileSystemEntries(directory) : [];
}
