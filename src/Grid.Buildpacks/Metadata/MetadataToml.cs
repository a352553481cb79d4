using Grid.Buildpacks.Launch;
using Grid.Buildpacks.Sbom;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Metadata;

/// <summary>
/// <c>config/metadata.toml</c>, which the launcher reads in the app image. Keys stand in the reference lifecycle's order: the file is a layer of its own,
/// and with the same bytes its diff ID is the same.
/// </summary>
public static class MetadataToml
{
    /// <summary>The text of the file.</summary>
    /// <param name="build">What the build phase found out.</param>
    /// <param name="platformApi">Below 0.9 the deprecated <c>bom</c> stands in it; below 0.10 a command is a string, and what else it had stands before the arguments.</param>
    public static string Write(BuildMetadata build, string platformApi)
    {
        var document = new TomlTable();
        if (platformApi.IsBelow("0.9"))
            AddTables(document, "bom", build.Bom, BomTables.Write);
        if (build.DefaultProcessType.Length > 0)
            document.Set("buildpack-default-process-type", build.DefaultProcessType);
        AddTables(document, "buildpacks", build.Buildpacks, Module);
        AddTables(document, "extensions", build.Extensions, Module);
        AddTables(document, "labels", build.Labels, label => new TomlTable().Set("key", label.Key).Set("value", label.Value));
        AddTables(document, "processes", build.Processes, process => Process(process, platformApi.IsBelow("0.10")));
        AddTables(document, "slices", build.Slices, slice => new TomlTable().Set("paths", Strings(slice.Paths)));
        return TomlWriter.Write(document);
    }

    private static void AddTables<T>(TomlTable document, string key, IReadOnlyList<T> items, Func<T, TomlTable> toTable)
    {
        if (items.Count > 0)
            document.Set(key, new TomlArray(items.Select(toTable)));
    }

    private static TomlTable Module(GroupElement module)
    {
        var table = new TomlTable().Set("id", module.Id).Set("version", module.Version).Set("api", module.Api);
        return string.IsNullOrEmpty(module.Homepage) ? table : table.Set("homepage", module.Homepage);
    }

    private static TomlTable Process(LaunchProcess process, bool shortCommand)
    {
        var table = new TomlTable()
            .Set("type", process.Type)
            .Set("command", shortCommand ? process.Command[0] : Strings(process.Command))
            .Set("args", (shortCommand ? process.ArgsWithCommandTail : process.Args) is { } args ? Strings(args) : null)
            .Set("direct", process.Direct);
        if (process.Default)
            table.Set("default", true);
        table.Set("buildpack-id", process.BuildpackId);
        if (!string.IsNullOrEmpty(process.WorkingDirectory))
            table.Set("working-dir", process.WorkingDirectory);
        return process.ExecEnv is { Count: > 0 } environments ? table.Set("exec-env", Strings(environments)) : table;
    }

    private static TomlArray Strings(IEnumerable<string> values) => new(values.Select(value => (TomlValue)value));
}
