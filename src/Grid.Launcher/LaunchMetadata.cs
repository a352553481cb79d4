using Grid.Launcher.Toml;

namespace Grid.Launcher;

/// <summary>What <c>&lt;layers&gt;/config/metadata.toml</c> says about launching (platform.md §metadata.toml).</summary>
internal sealed record LaunchMetadata(IReadOnlyList<LaunchBuildpack> Buildpacks, IReadOnlyList<LaunchProcess> Processes)
{
    /// <summary>Reads the file; a missing or malformed one is a launch error that names it.</summary>
    public static LaunchMetadata Read(string path)
    {
        var text = Posix.ReadFile(path)
            ?? throw new LaunchException($"{path} does not exist: the image was not exported by a buildpack build, or CNB_LAYERS_DIR is wrong");
        var root = TomlDocument.Parse(text, path);
        var buildpacks = new List<LaunchBuildpack>();
        foreach (var table in root.Tables("buildpacks"))
            buildpacks.Add(LaunchBuildpack.From(table.Text("id") ?? "", table.Text("api") ?? ""));
        var processes = new List<LaunchProcess>();
        foreach (var table in root.Tables("processes"))
            processes.Add(LaunchProcess.From(table));
        return new LaunchMetadata(buildpacks, processes);
    }

    public LaunchBuildpack? Buildpack(string id)
    {
        foreach (var buildpack in Buildpacks)
        {
            if (buildpack.Id == id)
                return buildpack;
        }
        return null;
    }
}

/// <summary>A buildpack of the group, in the group's order.</summary>
internal sealed record LaunchBuildpack(string Id, ApiVersion Api)
{
    /// <summary>The directory below the layers directory that holds this buildpack's layers.</summary>
    public string DirectoryName => Id.Replace('/', '_');

    public static LaunchBuildpack From(string id, string api) => new(id, ApiVersion.ForBuildpack(id, api));
}

/// <summary>A process type as the build left it.</summary>
/// <param name="Command">First the executable (or, for shell processes of old APIs, the script), then arguments that are always given.</param>
/// <param name="Args">Arguments the user's replace (buildpack API 0.9 and newer) or are put before the user's (older).</param>
/// <param name="Direct">False: through bash, with the profile scripts.</param>
/// <param name="BuildpackId">Null for a command the user gave.</param>
internal sealed record LaunchProcess(string Type, IReadOnlyList<string> Command, IReadOnlyList<string> Args, bool Direct)
{
    public string? BuildpackId { get; init; }

    /// <summary>Null: the app directory.</summary>
    public string? WorkingDirectory { get; init; }

    /// <summary>Execution environments the process is for; empty: all.</summary>
    public IReadOnlyList<string> ExecEnv { get; init; } = [];

    public bool Fits(string execEnv)
    {
        if (ExecEnv.Count == 0)
            return true;
        foreach (var name in ExecEnv)
        {
            if (name == execEnv || name == "*")
                return true;
        }
        return false;
    }

    public static LaunchProcess From(TomlTable table)
    {
        var type = table.Text("type") ?? throw table.Error("[[processes]] has no type");
        var command = table.TextOrTexts("command");
        if (command.Count == 0 || command[0].Length == 0)
            throw table.Error($"process '{type}' has no command");
        return new LaunchProcess(type, command, table.TextOrTexts("args"), table.Flag("direct"))
        {
            BuildpackId = table.Text("buildpack-id"),
            WorkingDirectory = table.Text("working-dir") is { Length: > 0 } directory ? directory : null,
            ExecEnv = table.TextOrTexts("exec-env"),
        };
    }
}
