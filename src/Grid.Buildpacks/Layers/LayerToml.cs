using System.Text.Json;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Layers;

/// <summary>A layer's <c>NAME.toml</c> (buildpack.md §Layer Content Metadata).</summary>
public sealed record LayerToml
{
    /// <summary>Later buildpacks of this build see its environment.</summary>
    public bool Build { get; init; }

    /// <summary>Kept for the next build of the app.</summary>
    public bool Cache { get; init; }

    /// <summary>Part of the app image.</summary>
    public bool Launch { get; init; }

    /// <summary>The <c>[metadata]</c> table as the text of a TOML document; null when there is none.</summary>
    public string? MetadataToml { get; init; }

    /// <summary>Whether the layer is for anything; one that is not is set aside after its buildpack ran.</summary>
    public bool HasTypes => Build || Cache || Launch;

    /// <summary>Reads the file.</summary>
    /// <exception cref="TomlFormatException">It is broken, or has its types at the top as before Buildpack API 0.6.</exception>
    public static LayerToml From(TomlTable document)
    {
        foreach (var type in (string[])["build", "launch", "cache"])
        {
            if (document.Contains(type))
                throw document.Error(type, "the types build, launch and cache must be in the [types] table");
        }
        var types = document.GetTable("types") ?? new TomlTable();
        return new LayerToml
        {
            Build = types.GetBoolean("build"),
            Cache = types.GetBoolean("cache"),
            Launch = types.GetBoolean("launch"),
            MetadataToml = document.GetTable("metadata") is { } metadata ? TomlWriter.Write(metadata) : null,
        };
    }

    /// <summary>A file with metadata alone, as restore leaves it: without types, so that the buildpack has to say again what it wants.</summary>
    public static string WriteMetadata(TomlTable? metadata) =>
        metadata is null || metadata.IsEmpty ? "" : TomlWriter.Write(new TomlTable().Set("metadata", metadata));

    /// <summary>The metadata as it stands in the label; null when there is none.</summary>
    public JsonElement? MetadataAsJson() => MetadataToml is null ? null : TomlJson.ToJson(TomlFile.Parse(MetadataToml, "[metadata]"));
}
