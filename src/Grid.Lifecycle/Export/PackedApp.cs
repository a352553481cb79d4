using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Restore;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Export;

/// <summary>The app as layers, by digest: all that export needs of a build, without its files. The bytes are in the content store.</summary>
public sealed record PackedApp
{
    /// <summary>Everything above the extensions' layers, bottom first (spec-facts: launch layers, SBOM, app, launcher, config, process types).</summary>
    public required IReadOnlyList<PackedLayer> Layers { get; init; }

    /// <summary>The image's label but for the run image, which <see cref="AppImage"/> fills in.</summary>
    public required LifecycleMetadata Metadata { get; init; }

    public required BuildMetadata Build { get; init; }

    /// <summary>The launcher that was packed.</summary>
    public required LauncherMetadata Launcher { get; init; }

    /// <summary>For the app's next build.</summary>
    public required CacheMetadata Cache { get; init; }
}

/// <summary>A layer of the app image.</summary>
/// <param name="Id">What the reference calls it: <c>bp-id:layer</c>, <c>slice-1</c>, <c>buildpacksio/lifecycle:launcher</c>.</param>
/// <param name="CreatedBy">Its entry in the image's history.</param>
/// <param name="Layer">Blob and diff ID.</param>
public sealed record PackedLayer(string Id, string CreatedBy, Layer Layer)
{
    /// <summary>The previous image holds it already; the blob may be there alone (<see cref="Origin"/>).</summary>
    public bool Reused { get; init; }

    /// <summary>Location of the image whose blob <see cref="Layer"/> names when it is not in the content store; null when it is in the store.</summary>
    public string? Origin { get; init; }
}
