using System.Text.Json;
using System.Text.Json.Serialization;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Metadata;

/// <summary>The label <c>io.buildpacks.project.metadata</c>, made of project-metadata.toml (platform.md §project-metadata.toml).</summary>
public static class ProjectMetadata
{
    /// <summary>The label's name.</summary>
    public const string Label = "io.buildpacks.project.metadata";

    /// <summary>The text of the label; <c>{}</c> when the file says nothing.</summary>
    /// <exception cref="TomlFormatException">The file is broken.</exception>
    public static string ToLabel(string toml, string fileName = "project-metadata.toml")
    {
        var source = TomlFile.Parse(toml, fileName).GetTable("source");
        return LabelJson.Write(new Document
        {
            Source = source is null ? null : new SourceDocument
            {
                Type = source.GetString("type") ?? "",
                Version = source.GetTable("version") is { } version ? TomlJson.ToJson(version) : null,
                Metadata = source.GetTable("metadata") is { } metadata ? TomlJson.ToJson(metadata) : null,
            },
        });
    }

    private sealed record Document
    {
        [JsonPropertyName("source"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
        public SourceDocument? Source { get; init; }
    }

    private sealed record SourceDocument
    {
        [JsonPropertyName("type")]
        public required string Type { get; init; }

        [JsonPropertyName("version")]
        public JsonElement? Version { get; init; }

        [JsonPropertyName("metadata")]
        public JsonElement? Metadata { get; init; }
    }
}
