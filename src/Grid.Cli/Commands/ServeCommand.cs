using System.CommandLine;
using Grid.Buildpacks;
using Grid.Hosting.Configuration;
using Grid.Hosting.Serve;
using Grid.Sandbox.OciRuntime;

namespace Grid.Cli.Commands;

/// <summary><c>grid serve</c>: a node of a grid, until it is told to stop.</summary>
internal static class ServeCommand
{
    private static readonly Option<string?> Config = new("--config", "-c") { Description = $"The node's settings ({NodeConfiguration.FileVariable}; default: {NodeConfiguration.DefaultFile} when it exists)" };

    /// <summary>A flag for each setting that may stand on a command line.</summary>
    private static readonly IReadOnlyList<(Setting Setting, Option<string[]> Option)> Flags =
        [.. NodeSettings.All.Where(s => !s.IsSecret).Select(s => (s, new Option<string[]>(s.Flag) { Description = Describe(s), HelpName = s.Words.Count > 0 ? string.Join('|', s.Words) : s.Kind == SettingKind.Number ? "number" : "text", AllowMultipleArgumentsPerToken = false }))];

    public static Command Create()
    {
        var command = new Command("serve", "Run a node of a grid; settings are described in docs/configuration.md") { Config };
        foreach (var (_, option) in Flags)
            command.Add(option);
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            var options = NodeConfiguration.Read(parsed.GetValue(Config), Environment.GetEnvironmentVariable,
                Flags.Select(f => (f.Setting, (IReadOnlyList<string>)(parsed.GetValue(f.Option) ?? []))));
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
        if (!Environment.IsPrivilegedProcess)
            throw new LifecycleException(ExitCode.Failed, "the worker role needs root, for overlay mounts and containers; run it with sudo, or without that role (--role control --role api)");
        MountNamespace.EnterPrivate();
    }

    private static string Describe(Setting setting) => setting.Description.Replace("`", "", StringComparison.Ordinal)
        + (setting.Default.Length > 0 ? $" (default: {setting.Default.Replace("`", "", StringComparison.Ordinal)})" : "");
}
