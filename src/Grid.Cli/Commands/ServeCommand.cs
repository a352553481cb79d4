using System.CommandLine;
using Grid.Buildpacks;
using Grid.Hosting.Configuration;
using Grid.Hosting.Serve;
using Grid.Sandbox.OciRuntime;

namespace Grid.Cli.Commands;

/// <summary><c>grid serve</c>: a node of a grid, until it is told to stop.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var command = new Command("serve", "Run a node of a grid; settings are described in docs/configuration.md") { ServeFlags.Config };
        ServeFlags.AddTo(command);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            var options = ServeFlags.Read(parsed);
            if (options.Roles.HasFlag(NodeRoles.Worker))
                EnterSandboxHost();
            await using var node = await NodeHost.StartAsync(options, cancellationToken);
            Console.WriteLine("grid serve: " + node.Describe());
            await node.RunAsync(cancellationToken);
            Console.WriteLine($"grid serve: node {options.Name} has stopped");
            return 0;
        }
        catch (ConfigurationException e)
        {
            foreach (var error in e.Errors)
                Console.Error.WriteLine($"grid serve: {error}");
            return (int)ExitCode.InvalidArgs;
        }
        catch (Exception e) when (ServeError.Describe(e) is { } error)
        {
            Console.Error.WriteLine($"grid serve: {error.Message}");
            return error.ExitCode;
        }
    }

    private static void EnterSandboxHost()
    {
        // A node limits memory and serves several tenants; both need root.
        if (!Environment.IsPrivilegedProcess)
            throw new LifecycleException(ExitCode.Failed, "the worker role needs root, for overlay mounts and containers; run it with sudo, or without that role (--role control --role api)");
        MountNamespace.EnterPrivate();
    }
}
