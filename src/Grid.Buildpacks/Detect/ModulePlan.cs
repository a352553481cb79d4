using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Detect;

/// <summary>One module's part of a plan: what it was asked to provide (buildpack.md §"Buildpack Plan (TOML)").</summary>
public static class ModulePlan
{
    /// <summary>The requires of all entries that name the module as a provider, in the plan's order.</summary>
    public static IReadOnlyList<PlanRequire> For(BuildPlan plan, GroupElement module) =>
        [.. plan.Entries.Where(e => IsProvider(e, module)).SelectMany(e => e.Requires)];

    /// <summary>
    /// The plan once the module has provided all it was asked for. An entry goes when any of its requires has a name that was met, whoever else provides it.
    /// </summary>
    public static BuildPlan Without(BuildPlan plan, IReadOnlyList<PlanRequire> met)
    {
        var names = met.Select(m => m.Name).ToHashSet(StringComparer.Ordinal);
        return new BuildPlan([.. plan.Entries.Where(e => !e.Requires.Any(r => names.Contains(r.Name)))]);
    }

    /// <summary>The file the module is given.</summary>
    public static string Write(IReadOnlyList<PlanRequire> requires) => requires.Count == 0
        ? ""
        : TomlWriter.Write(new TomlTable().Set("entries", new TomlArray(requires.Select(RequireTable))));

    internal static TomlTable RequireTable(PlanRequire require) => new TomlTable()
        .Set("name", require.Name)
        .Set("metadata", require.MetadataToml.Length == 0 ? null : TomlFile.Parse(require.MetadataToml, $"metadata of {require.Name}"));

    private static bool IsProvider(PlanEntry entry, GroupElement module) =>
        entry.Providers.Any(p => p.Kind == module.Kind && p.Id == module.Id && p.Version == module.Version);
}
