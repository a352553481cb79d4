using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Sbom;

/// <summary>The deprecated <c>[[bom]]</c> of launch.toml and build.toml.</summary>
public static class BomTables
{
    /// <summary>The entries of a document; none for buildpacks of APIs that no longer have them.</summary>
    /// <param name="document">A launch.toml or build.toml.</param>
    /// <param name="buildpack">Who wrote it.</param>
    /// <param name="warnings">What its author should know is added here.</param>
    /// <exception cref="TomlFormatException">An entry is malformed.</exception>
    public static IReadOnlyList<BillOfMaterialsEntry> Read(TomlTable document, GroupElement buildpack, ICollection<string> warnings)
    {
        var tables = document.GetTables("bom");
        if (tables.Count == 0)
            return [];
        if (!buildpack.Api.IsBelow("0.9"))
        {
            warnings.Add("Warning: BOM table isn't supported in this buildpack api version. The BOM should be written to <layer>.sbom.<ext>, launch.sbom.<ext>, or build.sbom.<ext>.");
            return [];
        }
        warnings.Add("Warning: BOM table is deprecated in this buildpack api version. The BOM should be written to <layer>.sbom.<ext>, launch.sbom.<ext>, or build.sbom.<ext>.");
        return [.. tables.Select(table => Read(table, buildpack))];
    }

    /// <summary>An entry as metadata.toml and report.toml have it.</summary>
    public static TomlTable Write(BillOfMaterialsEntry entry) => new TomlTable()
        .Set("name", entry.Name)
        .Set("metadata", entry.Metadata is { } metadata ? TomlJson.ToToml(metadata) : null)
        .Set("buildpack", new TomlTable().Set("id", entry.Buildpack.Id).Set("version", entry.Buildpack.Version));

    private static BillOfMaterialsEntry Read(TomlTable table, GroupElement buildpack)
    {
        if (table.Contains("version"))
            throw table.Error("version", "is not permitted at the top of a bom entry; write it into the entry's metadata");
        return new BillOfMaterialsEntry
        {
            Name = table.RequireString("name"),
            Metadata = table.GetTable("metadata") is { } metadata ? TomlJson.ToJson(metadata) : null,
            Buildpack = new BuildpackRef(buildpack.Id, buildpack.Version),
        };
    }
}
