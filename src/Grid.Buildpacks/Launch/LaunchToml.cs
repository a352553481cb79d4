using System.Text.RegularExpressions;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Sbom;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Launch;

/// <summary>What a buildpack wants the app to be started with: its <c>launch.toml</c> (buildpack.md §launch.toml).</summary>
public sealed partial record LaunchToml
{
    /// <summary>In the order written.</summary>
    public IReadOnlyList<LaunchProcess> Processes { get; init; } = [];

    public IReadOnlyList<LaunchLabel> Labels { get; init; } = [];

    public IReadOnlyList<LaunchSlice> Slices { get; init; } = [];

    /// <summary>The deprecated <c>[[bom]]</c>.</summary>
    public IReadOnlyList<BillOfMaterialsEntry> Bom { get; init; } = [];

    /// <summary>What the buildpack's author should know.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Reads the file by the rules of the buildpack's API.</summary>
    /// <exception cref="TomlFormatException">It breaks them; the message names file, line and key.</exception>
    public static LaunchToml From(TomlTable document, GroupElement buildpack)
    {
        var warnings = new List<string>();
        var processes = document.GetTables("processes").Select(table => ReadProcess(table, buildpack, warnings)).ToList();
        if (processes.Count(process => process.Default) > 1)
            throw document.Error("processes", "more than one process is marked as default; mark at most one");
        return new LaunchToml
        {
            Processes = processes,
            Labels = [.. document.GetTables("labels").Select(table => new LaunchLabel(table.RequireString("key"), table.GetString("value") ?? ""))],
            Slices = [.. document.GetTables("slices").Select(table => new LaunchSlice(table.GetStrings("paths")))],
            Bom = BomTables.Read(document, buildpack, warnings),
            Warnings = warnings,
        };
    }

    private static LaunchProcess ReadProcess(TomlTable table, GroupElement buildpack, List<string> warnings)
    {
        var type = table.RequireString("type");
        if (!TypePattern().IsMatch(type))
            throw table.Error("type", $"'{type}' is no process type: use letters, digits, '.', '_' and '-'");
        var process = buildpack.Api.IsBelow("0.9") ? ReadOldCommand(table) : ReadCommand(table);
        var workingDirectory = table.GetString("working-dir");
        if (!string.IsNullOrEmpty(workingDirectory) && buildpack.Api.IsBelow("0.8"))
        {
            warnings.Add($"Warning: process working directory isn't supported in this buildpack api version. Ignoring working directory for process '{type}'");
            workingDirectory = null;
        }
        return process with
        {
            Type = type,
            BuildpackId = buildpack.Id,
            Default = table.GetBoolean("default"),
            WorkingDirectory = string.IsNullOrEmpty(workingDirectory) ? null : workingDirectory,
            ExecEnv = table.GetStrings("exec-env") is { Count: > 0 } environments ? environments : null,
        };
    }

    // Buildpack API 0.9 and later: a list, of which users may replace the args only; never a shell.
    private static LaunchProcess ReadCommand(TomlTable table)
    {
        if (table.Contains("direct"))
            throw table.Error("direct", "is not supported since Buildpack API 0.9, where processes never run in a shell; remove it, and name the shell in command if one is wanted");
        var command = table.GetStrings("command");
        if (command.Count == 0)
            throw table.Error("command", "is missing or empty; want an array with the executable first");
        return new LaunchProcess { Type = "", Command = command, Args = ArgsOf(table), Direct = true };
    }

    private static LaunchProcess ReadOldCommand(TomlTable table) => new()
    {
        Type = "",
        Command = [table.RequireString("command")],
        Args = ArgsOf(table),
        Direct = table.GetBoolean("direct"),
    };

    private static IReadOnlyList<string>? ArgsOf(TomlTable table) => table.Contains("args") ? table.GetStrings("args") : null;

    [GeneratedRegex(@"\A[A-Za-z0-9._-]+\z")]
    private static partial Regex TypePattern();
}
