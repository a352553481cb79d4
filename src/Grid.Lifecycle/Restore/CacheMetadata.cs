using Grid.Oci.Images;

namespace Grid.Lifecycle.Restore;

/// <summary>
/// What a build leaves for the next one of the same app beyond its image: the layers marked <c>cache = true</c>, by digest. The app's grain keeps this;
/// the bytes are in the content store.
/// </summary>
public sealed record CacheMetadata
{
    public IReadOnlyList<CachedBuildpack> Buildpacks { get; init; } = [];

    /// <summary>SBOMs of cached layers.</summary>
    public Layer? Sbom { get; init; }

    /// <summary>The execution environment the layers were built in (CNB_EXEC_ENV); null when the cache does not say.</summary>
    public string? ExecEnv { get; init; } = "production";

    /// <summary>All layers, for holding their blobs against garbage collection.</summary>
    public IEnumerable<Layer> AllLayers() =>
        [.. Buildpacks.SelectMany(buildpack => buildpack.Layers).Select(cached => cached.Layer), .. Sbom is null ? [] : (Layer[])[Sbom]];
}

/// <summary>The cached layers of one buildpack.</summary>
public sealed record CachedBuildpack(string Id, string Version, IReadOnlyList<CachedLayer> Layers);

/// <summary>A cached layer.</summary>
/// <param name="Name">Its name in the buildpack's layers directory.</param>
/// <param name="Layer">Its content.</param>
public sealed record CachedLayer(string Name, Layer Layer)
{
    /// <summary>It was also <c>build = true</c>.</summary>
    public bool Build { get; init; }

    /// <summary>It was also <c>launch = true</c>, and so stands in the image as well.</summary>
    public bool Launch { get; init; }

    /// <summary>Its <c>[metadata]</c> as the text of a TOML document, so that dates, integers and floats survive; null when there was none.</summary>
    public string? MetadataToml { get; init; }
}
