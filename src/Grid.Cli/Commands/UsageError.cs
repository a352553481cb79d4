using System.CommandLine;
using Grid.Buildpacks;

namespace Grid.Cli.Commands;

/// <summary>Answers a command line that cannot be read.</summary>
internal static class UsageError
{
    /// <summary>Prints what is wrong and where help is, and gives the specification's exit code for it.</summary>
    public static int Report(ParseResult parsed)
    {
        foreach (var error in parsed.Errors)
            Console.Error.WriteLine($"grid: {error.Message}");
        var path = string.Join(' ', parsed.CommandResult.Command.Parents.OfType<Command>().Where(c => c is not RootCommand).Select(c => c.Name)
            .Append(parsed.CommandResult.Command is RootCommand ? "" : parsed.CommandResult.Command.Name));
        Console.Error.WriteLine($"Try 'grid {path}{(path.Length > 0 ? " " : "")}--help'.");
        return (int)ExitCode.ParseFlags;
    }
}
