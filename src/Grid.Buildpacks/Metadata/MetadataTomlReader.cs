using Grid.Buildpacks.Launch;
using Grid.Buildpacks.Sbom;
using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Metadata;

/// <summary>Reads <c>config/metadata.toml</c> back, whoever wrote it: export runs as a program of its own (platform.md §metadata.toml).</summary>
public static class MetadataTomlReader
{
    /// <summary>Reads the file of a tree; null when there is none.</summary>
    /// <exception cref="TomlFormatException">It is malformed.</exception>
    public static BuildMetadata? ReadIfExists(IFileTree files, string path) => TomlFile.ReadIfExists(files, path) is { } document ? From(document) : null;

    /// <summary>Reads the file's text.</summary>
    /// <exception cref="TomlFormatException">It is malformed.</exception>
    public static BuildMetadata Parse(string text, string fileName = "metadata.toml") => From(TomlFile.Parse(text, fileName));

    private static BuildMetadata From(TomlTable document) => new()
    {
        Bom = [.. document.GetTables("bom").Select(Bom)],
        Buildpacks = [.. document.GetTables("buildpacks").Select(table => Module(table, ModuleKind.Buildpack))],
        Extensions = [.. document.GetTables("extensions").Select(table => Module(table, ModuleKind.Extension))],
        Labels = [.. document.GetTables("labels").Select(table => new LaunchLabel(table.RequireString("key"), table.GetString("value") ?? ""))],
        Processes = [.. document.GetTables("processes").Select(Process)],
        Slices = [.. document.GetTables("slices").Select(table => new LaunchSlice(table.GetStrings("paths")))],
        DefaultProcessType = document.GetString("buildpack-default-process-type") ?? "",
    };

    private static GroupElement Module(TomlTable table, ModuleKind kind) =>
        new(kind, table.RequireString("id"), table.GetString("version") ?? "", table.GetString("api") ?? "") { Homepage = table.GetString("homepage") };

    private static LaunchProcess Process(TomlTable table) => new()
    {
        Type = table.RequireString("type"),
        // A string below Platform API 0.10, a list from then on; a file of either kind can be read.
        Command = table["command"] is TomlScalar ? [table.RequireString("command")] : table.GetStrings("command") is { Count: > 0 } command ? command
            : throw table.Error("command", "is missing or empty; want the executable first"),
        Args = table.Contains("args") ? table.GetStrings("args") : null,
        Direct = table.GetBoolean("direct"),
        Default = table.GetBoolean("default"),
        BuildpackId = table.GetString("buildpack-id") ?? "",
        WorkingDirectory = table.GetString("working-dir") is { Length: > 0 } directory ? directory : null,
        ExecEnv = table.GetStrings("exec-env") is { Count: > 0 } environments ? environments : null,
    };

    private static BillOfMaterialsEntry Bom(TomlTable table)
    {
        var buildpack = table.GetTable("buildpack") ?? throw table.Error("buildpack", "is missing; want the buildpack's id and version");
        return new BillOfMaterialsEntry
        {
            Name = table.RequireString("name"),
            Metadata = table.GetTable("metadata") is { } metadata ? TomlJson.ToJson(metadata) : null,
            Buildpack = new BuildpackRef(buildpack.RequireString("id"), buildpack.GetString("version") ?? ""),
        };
    }
}
