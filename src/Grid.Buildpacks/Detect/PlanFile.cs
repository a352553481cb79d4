using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Detect;

/// <summary>One alternative of what a module would provide and needs.</summary>
public sealed record PlanOption(IReadOnlyList<string> Provides, IReadOnlyList<PlanRequire> Requires);

/// <summary>What <c>bin/detect</c> wrote (buildpack.md §"Build Plan (TOML)"): the top level first, then the <c>[[or]]</c> entries as written. Never empty.</summary>
public sealed record PlanFile(IReadOnlyList<PlanOption> Options)
{
    /// <summary>The plan of a module that wrote none.</summary>
    public static readonly PlanFile Empty = new([new PlanOption([], [])]);

    /// <summary>Reads a plan.</summary>
    /// <param name="document">The file.</param>
    /// <param name="kind">Extensions may only provide.</param>
    /// <exception cref="TomlFormatException">A name is missing, a version stands outside the metadata, or an extension requires something.</exception>
    public static PlanFile From(TomlTable document, ModuleKind kind) =>
        new([Option(document, kind), .. document.GetTables("or").Select(table => Option(table, kind))]);

    private static PlanOption Option(TomlTable table, ModuleKind kind)
    {
        var requires = table.GetTables("requires");
        if (kind == ModuleKind.Extension && requires.Count > 0)
            throw table.Error("requires", "an extension may only provide; remove it");
        return new PlanOption([.. table.GetTables("provides").Select(p => p.RequireString("name"))], [.. requires.Select(Require)]);
    }

    private static PlanRequire Require(TomlTable table)
    {
        if (!string.IsNullOrEmpty(table.GetString("version")))
            throw table.Error("version", "is not permitted here since Buildpack API 0.3; put it into metadata");
        var metadata = table.GetTable("metadata");
        return new PlanRequire(table.RequireString("name")) { MetadataToml = metadata is null ? "" : TomlWriter.Write(metadata) };
    }
}
