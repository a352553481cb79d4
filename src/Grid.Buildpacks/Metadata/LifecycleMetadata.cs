using System.Text.Json;
using System.Text.Json.Serialization;

namespace Grid.Buildpacks.Metadata;

/// <summary>
/// The label <c>io.buildpacks.lifecycle.metadata</c> of an app image (platform.md §Labels): what it is made of, so that the next build can restore and
/// reuse it and a rebase can find the seam. Serialised as it is, it is the label, field for field in the reference's order.
/// </summary>
public sealed record LifecycleMetadata
{
    /// <summary>The label's name.</summary>
    public const string Label = "io.buildpacks.lifecycle.metadata";

    /// <summary>The slices of the app, in order; one when the app is not sliced.</summary>
    [JsonPropertyName("app")]
    public IReadOnlyList<LayerSha>? App { get; init; }

    /// <summary>The layer with the SBOMs of launch layers.</summary>
    [JsonPropertyName("sbom"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public LayerSha? Sbom { get; init; }

    [JsonPropertyName("buildpacks")]
    public IReadOnlyList<BuildpackLayersMetadata>? Buildpacks { get; init; }

    /// <summary>The layer with <c>config/metadata.toml</c>.</summary>
    [JsonPropertyName("config")]
    public LayerSha Config { get; init; } = LayerSha.None;

    [JsonPropertyName("launcher")]
    public LayerSha Launcher { get; init; } = LayerSha.None;

    /// <summary>The layer with the links in <c>/cnb/process</c>; empty when there is no process.</summary>
    [JsonPropertyName("process-types")]
    public LayerSha ProcessTypes { get; init; } = LayerSha.None;

    [JsonPropertyName("runImage")]
    public RunImageMetadata RunImage { get; init; } = new();

    /// <summary>The run image again, where older readers look for it.</summary>
    [JsonPropertyName("stack"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public StackMetadata? Stack { get; init; }

    /// <summary>The text of the label.</summary>
    public string ToLabel() => LabelJson.Write(this);

    /// <summary>
    /// Reads the label of a previous image. Null when there is none or when it cannot be read: a previous image that was made by something else is not an
    /// error, there is just nothing to reuse (as the reference). <paramref name="problem"/> then says why.
    /// </summary>
    public static LifecycleMetadata? Read(string? label, out string? problem) => LabelJson.Read<LifecycleMetadata>(label, Label, out problem);
}

/// <summary>A layer by its diff ID, as text since labels of other makers may hold anything; empty when there is no such layer.</summary>
public sealed record LayerSha([property: JsonPropertyName("sha")] string Sha)
{
    /// <summary>There is no such layer.</summary>
    public static readonly LayerSha None = new("");
}

/// <summary>One buildpack's launch layers (in the image's label) or cached layers, with its store.</summary>
public sealed record BuildpackLayersMetadata
{
    /// <summary>The buildpack's id.</summary>
    [JsonPropertyName("key")]
    public string Id { get; init; } = "";

    [JsonPropertyName("version")]
    public string Version { get; init; } = "";

    /// <summary>By layer name, in ordinal order.</summary>
    [JsonPropertyName("layers")]
    public IReadOnlyDictionary<string, LayerMetadata>? Layers { get; init; }

    /// <summary>What the buildpack wrote to store.toml.</summary>
    [JsonPropertyName("store"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public StoreMetadata? Store { get; init; }
}

/// <summary>One layer of a buildpack: its content's diff ID, its free metadata and what it was for.</summary>
public sealed record LayerMetadata
{
    [JsonPropertyName("sha")]
    public string Sha { get; init; } = "";

    /// <summary>The <c>[metadata]</c> table; null when there was none.</summary>
    [JsonPropertyName("data")]
    public JsonElement? Data { get; init; }

    [JsonPropertyName("build")]
    public bool Build { get; init; }

    [JsonPropertyName("launch")]
    public bool Launch { get; init; }

    [JsonPropertyName("cache")]
    public bool Cache { get; init; }
}

/// <summary>The <c>[metadata]</c> of a buildpack's store.toml.</summary>
public sealed record StoreMetadata([property: JsonPropertyName("metadata")] JsonElement? Metadata);

/// <summary>The base of an app image.</summary>
public sealed record RunImageMetadata
{
    /// <summary>Diff ID of the run image's own top layer: a rebase replaces everything up to it, extension layers stay above.</summary>
    [JsonPropertyName("topLayer")]
    public string TopLayer { get; init; } = "";

    /// <summary>The run image by digest.</summary>
    [JsonPropertyName("reference")]
    public string Reference { get; init; } = "";

    /// <summary>The name under which a rebase looks for a newer one.</summary>
    [JsonPropertyName("image"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public string? Image { get; init; }

    /// <summary>Other places that have the same image.</summary>
    [JsonPropertyName("mirrors"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Mirrors { get; init; }
}

/// <summary>The run image under the name it had before Platform API 0.12.</summary>
public sealed record StackMetadata([property: JsonPropertyName("runImage")] RunImageNames RunImage);

/// <summary>A run image's name and its mirrors (run.toml, the builder's label, and the app's).</summary>
public sealed record RunImageNames
{
    /// <summary>Its name; empty when no platform named one.</summary>
    [JsonIgnore]
    public string Image { get; init; } = "";

    /// <summary>The name as it is written: an empty one is not.</summary>
    [JsonInclude, JsonPropertyName("image"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    internal string? WrittenImage { get => Image.Length == 0 ? null : Image; init => Image = value ?? ""; }

    [JsonPropertyName("mirrors"), JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public IReadOnlyList<string>? Mirrors { get; init; }

    /// <summary>The name, then the mirrors in their order.</summary>
    [JsonIgnore]
    public IEnumerable<string> All => [Image, .. Mirrors ?? []];
}
