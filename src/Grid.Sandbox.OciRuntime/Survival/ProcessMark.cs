using System.Globalization;
using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.Survival;

/// <summary>A process of this boot: its number and when it started, in the kernel's ticks. A number alone may be another's by now.</summary>
internal readonly record struct ProcessMark(int Pid, ulong StartTime)
{
    /// <summary>This process.</summary>
    public static ProcessMark Own { get; } = Parse(File.ReadAllText("/proc/self/stat")) ?? throw new IOException("cannot read /proc/self/stat; is /proc mounted?");

    /// <summary>Reads a line of <c>/proc/PID/stat</c>; null when it is none, or not a whole one.</summary>
    public static ProcessMark? Parse(string stat)
    {
        // pid (name) state ppid … with the start time as 22nd; the name may hold anything.
        var close = stat.LastIndexOf(')');
        var fields = close < 0 ? [] : stat[(close + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return fields.Length > 20 && int.TryParse(stat.AsSpan(0, stat.IndexOf(' ', StringComparison.Ordinal)), CultureInfo.InvariantCulture, out var pid)
            && ulong.TryParse(fields[19], CultureInfo.InvariantCulture, out var start) ? new ProcessMark(pid, start) : null;
    }

    /// <summary>A descriptor of the process; null when it has ended.</summary>
    public SafeFileHandle? TryOpen()
    {
        if (Libc.TryOpenProcess(Pid) is not { } handle)
            return null;
        // Whoever has the number now has it for as long as the handle says that it lives.
        if (IsAlive)
            return handle;
        handle.Dispose();
        return null;
    }

    /// <summary>Whether it runs. A process that has ended and was not buried yet does not.</summary>
    public bool IsAlive
    {
        get
        {
            try
            {
                var stat = File.ReadAllText($"/proc/{Pid}/stat");
                return Parse(stat) == this && stat[stat.LastIndexOf(')')..].AsSpan(1).TrimStart() is not ['Z' or 'X', ..];
            }
            catch (IOException)
            {
                return false;
            }
        }
    }
}
