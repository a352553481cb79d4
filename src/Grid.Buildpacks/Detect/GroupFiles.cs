using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Detect;

/// <summary>Writes and reads what detect hands on, for later phases, for people and for tools that read the reference lifecycle's files (platform.md §group.toml, §plan.toml).</summary>
public static class GroupFiles
{
    /// <summary>group.toml.</summary>
    public static string Write(Group group)
    {
        var document = new TomlTable();
        if (group.Buildpacks.Count > 0)
            document.Set("group", new TomlArray(group.Buildpacks.Select(Element)));
        if (group.Extensions.Count > 0)
            document.Set("group-extensions", new TomlArray(group.Extensions.Select(Element)));
        return TomlWriter.Write(document);
    }

    /// <summary>plan.toml.</summary>
    public static string Write(BuildPlan plan) => plan.Entries.Count == 0
        ? ""
        : TomlWriter.Write(new TomlTable().Set("entries", new TomlArray(plan.Entries.Select(Entry))));

    /// <summary>Reads a group.toml.</summary>
    /// <exception cref="TomlFormatException">It is malformed.</exception>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static Group ReadGroup(IFileTree files, string path)
    {
        var document = TomlFile.Read(files, path);
        return new Group(
            [.. document.GetTables("group").Select(t => ReadElement(t, ModuleKind.Buildpack))],
            [.. document.GetTables("group-extensions").Select(t => ReadElement(t, ModuleKind.Extension))]);
    }

    /// <summary>Reads a plan.toml.</summary>
    /// <exception cref="TomlFormatException">It is malformed.</exception>
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static BuildPlan ReadPlan(IFileTree files, string path) => new([.. TomlFile.Read(files, path).GetTables("entries").Select(ReadEntry)]);

    private static GroupElement ReadElement(TomlTable table, ModuleKind kind) =>
        new(kind, table.RequireString("id"), table.RequireString("version"), table.GetString("api") ?? "") { Homepage = table.GetString("homepage") };

    private static PlanEntry ReadEntry(TomlTable table) => new(
        [.. table.GetTables("providers").Select(p =>
            new PlanProvider(p.RequireString("id"), p.GetString("version") ?? "", p.GetBoolean("extension") ? ModuleKind.Extension : ModuleKind.Buildpack))],
        [.. table.GetTables("requires").Select(r =>
            new PlanRequire(r.RequireString("name")) { MetadataToml = r.GetTable("metadata") is { } metadata ? TomlWriter.Write(metadata) : "" })]);

    private static TomlTable Element(GroupElement element) => new TomlTable()
        .Set("id", element.Id)
        .Set("version", element.Version)
        .Set("api", element.Api)
        .Set("homepage", string.IsNullOrEmpty(element.Homepage) ? null : (TomlValue)element.Homepage);

    private static TomlTable Entry(PlanEntry entry)
    {
        var table = new TomlTable().Set("providers", new TomlArray(entry.Providers.Select(Provider)));
        return entry.Requires.Count == 0 ? table : table.Set("requires", new TomlArray(entry.Requires.Select(ModulePlan.RequireTable)));
    }

    private static TomlTable Provider(PlanProvider provider) => new TomlTable()
        .Set("id", provider.Id)
        .Set("version", provider.Version)
        .Set("extension", provider.Kind == ModuleKind.Extension ? (TomlValue)true : null);
}
