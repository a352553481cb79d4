using Grid.Buildpacks.Sbom;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Build;

/// <summary>What a buildpack could not provide: its <c>build.toml</c> (buildpack.md §build.toml).</summary>
public sealed record BuildToml
{
    /// <summary>Names of entries it leaves to the next provider.</summary>
    public IReadOnlyList<string> Unmet { get; init; } = [];

    /// <summary>The deprecated <c>[[bom]]</c>.</summary>
    public IReadOnlyList<BillOfMaterialsEntry> Bom { get; init; } = [];

    /// <summary>What the buildpack's author should know.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Reads the file.</summary>
    /// <param name="document">The file.</param>
    /// <param name="buildpack">Who wrote it.</param>
    /// <param name="given">Names of the entries it was given.</param>
    /// <exception cref="TomlFormatException">It is broken, or names an entry that was not given.</exception>
    public static BuildToml From(TomlTable document, GroupElement buildpack, IReadOnlyCollection<string> given)
    {
        var warnings = new List<string>();
        var unmet = new List<string>();
        foreach (var table in document.GetTables("unmet"))
        {
            var name = table.RequireString("name");
            if (!given.Contains(name))
                throw table.Error("name", $"unmet.name '{name}' must match a requested dependency");
            unmet.Add(name);
        }
        return new BuildToml { Unmet = unmet, Bom = BomTables.Read(document, buildpack, warnings), Warnings = warnings };
    }
}
