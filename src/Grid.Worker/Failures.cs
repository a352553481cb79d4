using Grid.Buildpacks;
using Grid.Buildpacks.Toml;
using Grid.Contracts.Builds;
using Grid.Contracts.Secrets;
using Grid.Contracts.Work;
using Grid.Dockerfiles.Syntax;
using Grid.Lifecycle.Extend;
using Grid.Oci.Images;
using Grid.Sandbox;

namespace Grid.Worker;

/// <summary>Turns what went wrong into the failure a user is shown, with the exit code of the phase it happened in.</summary>
internal static class Failures
{
    /// <summary>Whether this is an answer to the user rather than a defect of ours.</summary>
    public static bool IsExpected(Exception e) =>
        e is LifecycleException or StepFailedException or TomlFormatException or DockerfileException or ImageAccessException or SandboxException or SecretKeyException or IOException or UnauthorizedAccessException;

    public static Failure Describe(WorkItem item, Exception e) => e switch
    {
        StepFailedException failed => new Failure((int)ExitCode.ExtendError, failed.Message) { Output = failed.Output },
        LifecycleException failed => new Failure((int)failed.ExitCode, failed.Message),
        DockerfileException => new Failure((int)ExitCode.GenerateError, e.Message),
        IOException or UnauthorizedAccessException when IsDiskFull(e) => new Failure((int)PhaseError(item), $"the disk is full: {e.Message}"),
        _ when IsExpected(e) => new Failure((int)PhaseError(item), e.Message),
        _ => new Failure((int)PhaseError(item), $"unexpected error ({e.GetType().Name}): {e.Message}"),
    };

    /// <summary>ENOSPC and EDQUOT, as .NET passes them on.</summary>
    private static bool IsDiskFull(Exception e) => e.HResult is 28 or 122;

    /// <summary>The code for "any other error" of the phase.</summary>
    private static ExitCode PhaseError(WorkItem item) => item switch
    {
        AnalyzeWork => ExitCode.AnalyzeError,
        DetectWork => ExitCode.DetectError,
        RestoreWork => ExitCode.RestoreError,
        PinWork or StepWork or FetchWork => ExitCode.ExtendError,
        BuildWork => ExitCode.BuildError,
        ExportWork or PublishWork => ExitCode.ExportError,
        RebaseWork => ExitCode.RebaseError,
        _ => ExitCode.Failed,
    };
}
