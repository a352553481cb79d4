using System.Text.Json;
using System.Text.Json.Serialization;

namespace Grid.Buildpacks.Sbom;

/// <summary>An entry of the bill of materials that buildpacks below API 0.9 may still write into launch.toml and build.toml.</summary>
public sealed record BillOfMaterialsEntry
{
    [JsonPropertyName("name")]
    public string Name { get; init; } = "";

    [JsonPropertyName("metadata")]
    public JsonElement? Metadata { get; init; }

    /// <summary>Who wrote it.</summary>
    [JsonPropertyName("buildpack")]
    public required BuildpackRef Buildpack { get; init; }
}

/// <summary>A module by id and version, as labels name it.</summary>
public sealed record BuildpackRef(
    [property: JsonPropertyName("id")] string Id,
    [property: JsonPropertyName("version")] string Version)
{
    [JsonPropertyName("homepage"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Homepage { get; init; }
}
