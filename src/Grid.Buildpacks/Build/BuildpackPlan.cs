using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Build;

/// <summary>One buildpack's part of the build plan, and what is left of the plan after it (buildpack.md §Build, buildpack plan).</summary>
public static class BuildpackPlan
{
    /// <summary>What this buildpack is asked for, in the plan's order.</summary>
    public static IReadOnlyList<PlanRequire> For(BuildPlan plan, GroupElement buildpack) =>
    [
        .. plan.Entries
            .Where(entry => entry.Providers.Any(provider => provider.Kind == ModuleKind.Buildpack && provider.Id == buildpack.Id))
            .SelectMany(entry => entry.Requires),
    ];

    /// <summary>The plan file it is given.</summary>
    public static string Write(IReadOnlyList<PlanRequire> requires)
    {
        var document = new TomlTable();
        if (requires.Count > 0)
            document.Set("entries", new TomlArray(requires.Select(Entry)));
        return TomlWriter.Write(document);
    }

    /// <summary>The plan without what has been provided: an entry goes as a whole when one of its names was met.</summary>
    public static BuildPlan Without(BuildPlan plan, IReadOnlySet<string> met) =>
        new([.. plan.Entries.Where(entry => !entry.Requires.Any(require => met.Contains(require.Name)))]);

    private static TomlTable Entry(PlanRequire require)
    {
        var table = new TomlTable().Set("name", require.Name);
        return require.MetadataToml.Length == 0 ? table : table.Set("metadata", TomlFile.Parse(require.MetadataToml, $"plan entry '{require.Name}'"));
    }
}
