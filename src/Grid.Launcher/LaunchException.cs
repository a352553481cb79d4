namespace Grid.Launcher;

/// <summary>The app cannot be launched. The message says what, where and what to do.</summary>
internal sealed class LaunchException(int exitCode, string message) : Exception(message)
{
    /// <summary>platform.md §launcher: the platform API is not supported.</summary>
    public const int IncompatiblePlatformApi = 11;

    /// <summary>platform.md §launcher: a buildpack's API is not supported.</summary>
    public const int IncompatibleBuildpackApi = 12;

    /// <summary>platform.md §launcher: anything else.</summary>
    public const int LaunchError = 82;

    public LaunchException(string message) : this(LaunchError, message) { }

    public int ExitCode { get; } = exitCode;
}
