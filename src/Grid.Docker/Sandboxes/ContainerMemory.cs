using System.Globalization;

namespace Grid.Docker.Sandboxes;

/// <summary>
/// How often the kernel killed a process of a container for lack of memory. Read from the control group: the engine learns of it later than of the
/// process's end, and of processes it executed not at all.
/// </summary>
internal static class ContainerMemory
{
    private const string Root = "/sys/fs/cgroup";

    /// <summary>Kills so far in the control group of a container's first process; 0 when that cannot be read.</summary>
    public static long Kills(int first)
    {
        try
        {
            var line = File.ReadLines(EventsOf(first)).FirstOrDefault(l => l.StartsWith("oom_kill ", StringComparison.Ordinal));
            return line is null ? 0 : long.Parse(line.AsSpan(9), CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    /// <summary>Version 2 where it is at the usual place, otherwise version 1's memory hierarchy.</summary>
    private static string EventsOf(int first)
    {
        // "4:memory:/docker/<id>" and "0::/docker/<id>"
        var groups = File.ReadLines($"/proc/{first}/cgroup").Select(line => line.Split(':', 3)).ToList();
        return File.Exists(Root + "/cgroup.controllers")
            ? $"{Root}{groups.First(group => group[1].Length == 0)[2]}/memory.events"
            : $"{Root}/memory{groups.FirstOrDefault(group => group[1].Split(',').Contains("memory"))?[2]}/memory.oom_control";
    }
}
