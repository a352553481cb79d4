using System.CommandLine;
using System.CommandLine.Help;
using System.Text;

namespace Grid.Cli.Tests;

/// <summary>Writes docs/cli.md from the commands themselves.</summary>
internal static class CommandPage
{
    private const string Head = """
        # Commands

        Written from the commands themselves by a test of `tests/Grid.Cli.Tests`; after a change run it with `GRID_UPDATE_DOCS=1`. `grid COMMAND --help` says the same.

        **Where a command works.** *Here*: on this machine, on an embedded grid with the data directory `--data-dir`. *On a running grid*: over HTTP, on the grid that `--server`,
        `GRID_SERVER` or `grid login` names; `--server local` takes this machine again. A command that does both does the same thing in both places, with the same flags and exit codes.

        Exit codes are the specification's (platform.md), 130 for what was interrupted, and 1 for everything else that did not work.

        """;

    public static string Write(RootCommand root)
    {
        var leaves = root.Subcommands.SelectMany(Leaves).ToList();
        var page = new StringBuilder(Head).Append("| command | works | |\n|---|---|---|\n");
        foreach (var leaf in leaves)
            page.Append($"| [`{Name(leaf)}`](#{Name(leaf).Replace(' ', '-')}) | {Where(leaf)} | {Text(leaf.Description)} |\n");
        foreach (var leaf in leaves)
            Append(page, leaf);
        return page.ToString();
    }

    private static IEnumerable<Command> Leaves(Command command) => command.Subcommands.Count == 0 ? [command] : command.Subcommands.SelectMany(Leaves);

    private static string Name(Command command) => string.Join(' ', command.Parents.OfType<Command>().Where(p => p is not RootCommand).Select(p => p.Name).Prepend("grid").Append(command.Name));

    private static string Where(Command command)
    {
        var isRemote = command.Options.Any(o => o.Name == "--server") || command.Name is "login" or "logout";
        var isHere = command.Options.Any(o => o.Name == "--data-dir") || !isRemote;
        return isRemote && isHere ? "here and on a running grid" : isRemote ? "on a running grid" : "here";
    }

    private static void Append(StringBuilder page, Command command)
    {
        page.Append($"\n## {Name(command)}\n\n{Text(command.Description)}. Works {Where(command)}.\n");
        var rows = command.Arguments.Select(a => ($"`{a.Name.ToUpperInvariant()}`", Text(a.Description)))
            .Concat(command.Options.Where(o => o is not (HelpOption or VersionOption)).OrderBy(o => o.Name, StringComparer.Ordinal).Select(o => (
                string.Join(", ", o.Aliases.Prepend(o.Name).Select(a => $"`{a}`")), Text(o.Description) + (o.Required ? " (required)" : ""))))
            .ToList();
        if (rows.Count == 0)
            return;
        page.Append("\n| | |\n|---|---|\n");
        foreach (var (name, description) in rows)
            page.Append($"| {name} | {description} |\n");
    }

    private static string Text(string? description) => (description ?? "").Replace("|", "\\|", StringComparison.Ordinal).ReplaceLineEndings(" ").TrimEnd('.');
}
