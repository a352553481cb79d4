using System.Text;
using Grid.Lifecycle;

namespace Grid.Cli.Lifecycle;

/// <summary>The log of a phase as the reference lifecycle writes it: all levels on standard output, warnings and errors with a word in front.</summary>
/// <param name="output">Takes the log and the output of modules.</param>
/// <param name="error">Takes what modules write to standard error.</param>
/// <param name="least">Lines below are left out; the output of modules never is.</param>
/// <param name="colors">Whether "Warning" and "ERROR" are colored.</param>
internal sealed class PhaseConsole(Stream output, Stream error, PhaseLogLevel least, bool colors) : IPhaseLog
{
    private readonly Lock _lock = new();

    /// <summary>The process's own streams.</summary>
    public static PhaseConsole Standard(PhaseLogLevel least, bool noColor) => new(
        Console.OpenStandardOutput(), Console.OpenStandardError(), least, !noColor && !Console.IsOutputRedirected && Environment.GetEnvironmentVariable("NO_COLOR") is null or "");

    /// <summary>The level of a name; null for a name that is none.</summary>
    public static PhaseLogLevel? LevelOf(string name) => name.ToLowerInvariant() switch
    {
        "debug" => PhaseLogLevel.Debug,
        "info" => PhaseLogLevel.Info,
        "warn" or "warning" => PhaseLogLevel.Warn,
        "error" or "fatal" => PhaseLogLevel.Error,
        _ => null,
    };

    public void Log(PhaseLogLevel level, string line)
    {
        if (level < least)
            return;
        var bytes = Encoding.UTF8.GetBytes(Prefix(level) + line + "\n");
        lock (_lock)
            output.Write(bytes);
    }

    public void Write(ReadOnlySpan<byte> bytes, bool isError)
    {
        lock (_lock)
            (isError ? error : output).Write(bytes);
    }

    private string Prefix(PhaseLogLevel level) => level switch
    {
        PhaseLogLevel.Warn => colors ? "\u001b[33;1mWarning: \u001b[0m" : "Warning: ",
        PhaseLogLevel.Error => colors ? "\u001b[31;1mERROR: \u001b[0m" : "ERROR: ",
        _ => "",
    };
}
