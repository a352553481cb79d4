using System.Text.Json.Serialization;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Toml;
using Grid.Lifecycle.Restore;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Cache;

/// <summary>
/// The JSON that describes a cache: a file in a cache directory, a label of a cache image. The same schema as <see cref="LifecycleMetadata"/>'s, layers by
/// diff ID alone.
/// </summary>
internal static class CacheLabel
{
    /// <summary>Name of the label, and of the file.</summary>
    public const string Name = "io.buildpacks.lifecycle.cache.metadata";

    /// <summary>The text.</summary>
    public static string Write(CacheMetadata cache) => LabelJson.Write(new Document
    {
        Sbom = cache.Sbom is { } sbom ? new LayerSha(sbom.DiffId.ToString()) : LayerSha.None,
        Buildpacks = [.. cache.Buildpacks.Select(Describe)],
    });

    /// <summary>Reads the text; null when there is none, or it is not what it should be, and then <paramref name="problem"/> says why.</summary>
    /// <param name="text">The file's content or the label.</param>
    /// <param name="find">The cache's layer with a diff ID; null when it has none, which is noticed when somebody wants its content.</param>
    /// <param name="problem">Why nothing could be read.</param>
    public static CacheMetadata? Read(string? text, Func<Digest, Layer?> find, out string? problem)
    {
        if (LabelJson.Read<Document>(text, Name, out problem) is not { } document)
            return null;
        try
        {
            return new CacheMetadata
            {
                Sbom = string.IsNullOrEmpty(document.Sbom?.Sha) ? null : LayerOf(document.Sbom.Sha, find),
                Buildpacks = [.. (document.Buildpacks ?? []).Select(buildpack => Buildpack(buildpack, find))],
                ExecEnv = null,
            };
        }
        catch (FormatException e)
        {
            problem = $"{Name} cannot be read and is ignored: {e.Message}";
            return null;
        }
    }

    private static BuildpackLayersMetadata Describe(CachedBuildpack buildpack) => new()
    {
        Id = buildpack.Id,
        Version = buildpack.Version,
        Layers = new SortedDictionary<string, LayerMetadata>(
            buildpack.Layers.ToDictionary(
                cached => cached.Name,
                cached => new LayerMetadata
                {
                    Sha = cached.Layer.DiffId.ToString(),
                    Data = cached.MetadataToml is null ? null : TomlJson.ToJson(TomlFile.Parse(cached.MetadataToml, "[metadata]")),
                    Build = cached.Build,
                    Launch = cached.Launch,
                    Cache = true,
                }),
            StringComparer.Ordinal),
    };

    private static CachedBuildpack Buildpack(BuildpackLayersMetadata buildpack, Func<Digest, Layer?> find) => new(
        buildpack.Id,
        buildpack.Version,
        [
            .. (buildpack.Layers ?? new Dictionary<string, LayerMetadata>()).Where(layer => layer.Value.Cache).Select(layer =>
                new CachedLayer(layer.Key, LayerOf(layer.Value.Sha, find))
                {
                    Build = layer.Value.Build,
                    Launch = layer.Value.Launch,
                    MetadataToml = layer.Value.Data is { } data && TomlJson.ToToml(data) is { IsEmpty: false } table ? TomlWriter.Write(table) : null,
                }),
        ]);

    private static Layer LayerOf(string sha, Func<Digest, Layer?> find)
    {
        var diffId = Digest.Parse(sha);
        return find(diffId) ?? new Layer(new Descriptor(MediaTypes.OciLayer, diffId, 0), diffId);
    }

    private sealed record Document
    {
        [JsonPropertyName("sbom")]
        public LayerSha? Sbom { get; init; }

        [JsonPropertyName("buildpacks")]
        public IReadOnlyList<BuildpackLayersMetadata>? Buildpacks { get; init; }
    }
}
