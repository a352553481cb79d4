namespace Grid.Buildpacks;

/// <summary>Exit codes of the phases (platform.md, "Lifecycle exit codes" and each phase's table).</summary>
public enum ExitCode
{
    Success = 0,
    Failed = 1,
    ParseFlags = 2,
    InvalidArgs = 3,
    IncompatiblePlatformApi = 11,
    IncompatibleBuildpackApi = 12,
    /// <summary>No group passed and no detect errored.</summary>
    DetectFailed = 20,
    /// <summary>No group passed and at least one detect errored.</summary>
    DetectFailedWithErrors = 21,
    DetectError = 22,
    AnalyzeError = 32,
    RestoreError = 42,
    /// <summary>A buildpack's bin/build failed.</summary>
    BuildpackBuildFailed = 51,
    BuildError = 52,
    ExportError = 62,
    RebaseError = 72,
    LaunchError = 82,
    /// <summary>An extension's bin/generate failed.</summary>
    GenerateFailed = 91,
    /// <summary>Anything else went wrong in generate: an invalid Dockerfile, extend-config.toml or context.</summary>
    GenerateError = 92,
    ExtendError = 102,
}

/// <summary>A phase failed for a reason the user can act on. The message says what, where (file, line, module id) and what to do.</summary>
public sealed class LifecycleException(ExitCode exitCode, string message, Exception? inner = null) : Exception(message, inner)
{
    public ExitCode ExitCode { get; } = exitCode;
}
