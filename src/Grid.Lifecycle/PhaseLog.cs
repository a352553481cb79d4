using Grid.Sandbox;

namespace Grid.Lifecycle;

/// <summary>Where a phase tells what it does, and where the output of the modules it runs goes (as <see cref="IProcessOutput"/>).</summary>
public interface IPhaseLog : IProcessOutput
{
    /// <summary>One line, without a line end.</summary>
    void Log(PhaseLogLevel level, string line);
}

/// <summary>The levels of the reference lifecycle's log.</summary>
public enum PhaseLogLevel
{
    Debug = 0,
    Info = 1,
    Warn = 2,
    Error = 3,
}

/// <summary>Short forms.</summary>
public static class PhaseLogExtensions
{
    public static void Debug(this IPhaseLog log, string line) => log.Log(PhaseLogLevel.Debug, line);

    public static void Info(this IPhaseLog log, string line) => log.Log(PhaseLogLevel.Info, line);

    public static void Warn(this IPhaseLog log, string line) => log.Log(PhaseLogLevel.Warn, line);

    public static void Error(this IPhaseLog log, string line) => log.Log(PhaseLogLevel.Error, line);
}
