using System.CommandLine;
using Grid.Cli.Commands;
using Grid.Cli.Lifecycle;

if (LifecycleEntry.Find(args) is { } runPhase)
    return await runPhase();

var root = new RootCommand("Grid builds OCI images from source with Cloud Native Buildpacks and image extensions.")
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
var parsed = root.Parse(args);
return parsed.Errors.Count > 0 ? UsageError.Report(parsed) : await parsed.InvokeAsync(new InvocationConfiguration
{
    // A build that is interrupted ends its processes and says how it ended; a second signal ends it at once.
    ProcessTerminationTimeout = TimeSpan.FromSeconds(30),
});
