using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Analyze;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Export;

/// <summary>What is packed after the build, on the node where it ran.</summary>
public sealed record PackInput
{
    /// <summary>Where the SBOMs are when nobody says otherwise.</summary>
    public const string DefaultSbomDirectory = "/cnb/lifecycle";

    public required PhaseEnvironment Environment { get; init; }

    public required Group Group { get; init; }

    /// <summary>The build phase's result.</summary>
    public required BuildMetadata Build { get; init; }

    /// <summary>The label of the previous image.</summary>
    public LifecycleMetadata? Previous { get; init; }

    /// <summary>The previous image: layers that are still the same are taken from it.</summary>
    public PinnedImage? PreviousImage { get; init; }

    /// <summary>Path in the build's tree of the launcher the builder brings.</summary>
    public string BuilderLauncherPath { get; init; } = "/cnb/lifecycle/launcher";

    /// <summary>Directory in the build's tree with SBOMs of the launcher and of the lifecycle itself.</summary>
    public string LifecycleSbomDirectory { get; init; } = DefaultSbomDirectory;

    /// <summary>Path on this machine of our own launcher; used when the builder has none.</summary>
    public required string LauncherPath { get; init; }

    /// <summary>
    /// Whether <c>config/metadata.toml</c> of the layers directory is packed as it is there. A grid writes its own, since buildpacks could have changed that
    /// file; where phases are called one by one the file is all there is.
    /// </summary>
    public bool ConfigFromDisk { get; init; }

    /// <summary>How layers are kept that are only for the cache.</summary>
    public LayerCompression CacheCompression { get; init; } = LayerCompression.Gzip;

    /// <summary>What the label says about our own launcher.</summary>
    public LauncherMetadata OwnLauncher { get; init; } = new();

    /// <summary>What the label says about the builder's launcher (its lifecycle's version).</summary>
    public LauncherMetadata BuilderLauncher { get; init; } = new();
}
