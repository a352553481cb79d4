using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Detect;

/// <summary>Writes what detect hands on, for people and for tools that read the reference lifecycle's files (platform.md §group.toml, §plan.toml).</summary>
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
