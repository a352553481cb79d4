using System.CommandLine;
using Grid.Buildpacks;
using Grid.Cli.Commands;
using Grid.Client;

namespace Grid.Cli.Remote;

/// <summary>A command that does one thing on a running grid.</summary>
internal static class RemoteCommand
{
    /// <param name="name">The command's own name.</param>
    /// <param name="description">What it does.</param>
    /// <param name="symbols">Its arguments and options, besides which grid and tenant.</param>
    /// <param name="action">Does it, for a tenant.</param>
    public static Command Make(string name, string description, IReadOnlyList<Symbol> symbols, Func<ParseResult, GridClient, string, CancellationToken, Task> action)
    {
        var command = new Command(name, description);
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument)
                command.Add(argument);
            else
                command.Add((Option)symbol);
        }
        ServerFlags.AddTo(command);
        command.SetAction(async (parsed, token) =>
        {
            var fullName = $"grid {(command.Parents.OfType<RootCommand>().Any() ? "" : command.Parents.First().Name + " ")}{name}";
            try
            {
                var server = ServerFlags.Read(parsed) ?? throw new LifecycleException(ExitCode.InvalidArgs, "name a running grid with --server, GRID_SERVER or 'grid login'");
                using var grid = new RemoteGrid(server, fullName);
                await action(parsed, grid.Client, server.Tenant, token);
                return 0;
            }
            catch (Exception e) when (UserError.Describe(e) is { } error)
            {
                Console.Error.WriteLine($"{fullName}: {error.Message}");
                return error.ExitCode;
            }
        });
        return command;
    }
}
