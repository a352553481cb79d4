using System.Runtime.InteropServices;

namespace Grid.Benchmarks.Reports;

/// <summary>Where figures were taken: they mean little without it.</summary>
internal static class Machine
{
    public static string Describe()
    {
        var model = File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[1].Trim() ?? "unknown processor";
        var kernel = File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        return $"{model}, {Environment.ProcessorCount} processors, Linux {kernel}, {RuntimeInformation.FrameworkDescription}";
    }

    /// <summary>Load of the last 1, 5 and 15 minutes.</summary>
    public static string LoadAverage() => string.Join(' ', File.ReadAllText("/proc/loadavg").Split(' ')[..3]);
}
