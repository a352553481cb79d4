using Grid.Buildpacks;
using Grid.Buildpacks.Toml;
using Grid.Client;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Dockerfiles.Syntax;
using Grid.Lifecycle.Builders;
using Grid.Oci.Images;
using Grid.Sandbox;

namespace Grid.Cli.Commands;

/// <summary>Which exceptions are answers to the user, and with which exit code; everything else is a defect and shows its stack.</summary>
internal static class UserError
{
    /// <summary>What a shell calls a command that SIGINT ended.</summary>
    public const int Interrupted = 130;

    /// <summary>The exit code of a command that followed a build to its end.</summary>
    public static int CodeOf(BuildFinished end) => end.State == BuildState.Cancelled ? Interrupted : end.ExitCode;

    public static (string Message, int ExitCode)? Describe(Exception exception) => exception switch
    {
        LifecycleException e => (e.Message, (int)e.ExitCode),
        DockerfileException => (exception.Message, (int)ExitCode.GenerateError),
        TomlFormatException or FormatException or BuilderException => (exception.Message, (int)ExitCode.InvalidArgs),
        OperationCanceledException => ("cancelled", Interrupted),
        GridApiException or HttpRequestException => (exception.Message, (int)ExitCode.Failed),
        ImageAccessException or SandboxException or IOException or UnauthorizedAccessException => (exception.Message, (int)ExitCode.Failed),
        _ => null,
    };
}
