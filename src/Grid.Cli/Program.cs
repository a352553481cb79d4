using System.CommandLine;
using Grid.Cli.Commands;
using Grid.Cli.Lifecycle;

if (LifecycleEntry.Find(args) is { } runPhase)
    return await runPhase();

var parsed = GridCommand.Create().Parse(args);
return parsed.Errors.Count > 0 ? UsageError.Report(parsed) : await parsed.InvokeAsync(new InvocationConfiguration
{
    // A build that is interrupted ends its processes and says how it ended; a second signal ends it at once.
    ProcessTerminationTimeout = TimeSpan.FromSeconds(30),
});
