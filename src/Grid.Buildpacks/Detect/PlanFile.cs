using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Detect;

/// <summary>One way a module can take part: what it provides and what it requires.</summary>
public sealed record PlanOption(IReadOnlyList<string> Provides, IReadOnlyList<PlanRequire> Requires)
{
    /// <summary>A module that wrote no plan.</summary>
    public static readonly PlanOption Empty = new([], []);
}

/// <summary>What bin/detect wrote to its plan file (buildpack.md §Build Plan (TOML)): the options in the order they are tried.</summary>
public static class PlanFile
{
    /// <summary>Reads a plan.</summary>
    /// <param name="document">The parsed file.</param>
    /// <param name="kind">Extensions may only provide.</param>
    /// <exception cref="TomlFormatException">It breaks a rule (spec-facts §1.7).</exception>
    public static IReadOnlyList<PlanOption> Read(TomlTable document, ModuleKind kind) =>
        [ReadOption(document, kind), .. document.GetTables("or").Select(o => ReadOption(o, kind))];

    private static PlanOption ReadOption(TomlTable table, ModuleKind kind)
    {
        var requires = table.GetTables("requires");
        if (kind == ModuleKind.Extension && requires.Count > 0)
            throw table.Error("requires", "extensions may only provide; remove it");
        return new PlanOption([.. table.GetTables("provides").Select(p => p.RequireString("name"))], [.. requires.Select(ReadRequire)]);
    }

    private static PlanRequire ReadRequire(TomlTable table)
    {
        if (table.Contains("version"))
            throw table.Error("version", "is not permitted here; put it into [requires.metadata]");
        return new PlanRequire(table.RequireString("name")) { MetadataToml = table.GetTable("metadata") is { IsEmpty: false } metadata ? TomlWriter.Write(metadata) : "" };
    }
}
