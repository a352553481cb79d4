using System.CommandLine;
using Grid.Cli.Lifecycle;

namespace Grid.Cli.Commands;

/// <summary>All commands of <c>grid</c>: a table of contents. docs/cli.md is written from it.</summary>
internal static class GridCommand
{
    public static RootCommand Create() => new("Grid builds OCI images from source with Cloud Native Buildpacks and image extensions.")
    {
        BuildCommand.Create(),
        ExtendCommand.Create(),
        ExtensionCommand.Create(),
        BuilderCommand.Create(),
        CacheCommand.Create(),
        RebaseCommand.Create(),
        LifecycleEntry.Describe(),
        ServeCommand.Create(),
        DoctorCommand.Create(),
        LoginCommand.Create(),
        LoginCommand.CreateLogout(),
        SecretCommand.Create(),
        SecretCommand.CreateBinding(),
        SecretCommand.CreateRegistry(),
        BuildsCommand.Create(),
        BuildsCommand.CreateLogs(),
        BuildsCommand.CreateCancel(),
        ArtifactsCommand.Create(),
        PoolCommand.CreateNode(),
        PoolCommand.CreateQueue(),
        AuditCommand.Create(),
    };
}
