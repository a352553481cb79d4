using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Analyze;

namespace Grid.Lifecycle.Restore;

/// <summary>What to restore from.</summary>
public sealed record RestoreInput
{
    public required PhaseEnvironment Environment { get; init; }

    /// <summary>Only layers of these buildpacks are restored.</summary>
    public required Group Group { get; init; }

    /// <summary>The label of the previous image, from analyze.</summary>
    public LifecycleMetadata? Previous { get; init; }

    /// <summary>The previous image itself; its SBOM layer is read.</summary>
    public PinnedImage? PreviousImage { get; init; }

    /// <summary>Whether layers and their metadata are left out; stores come back all the same.</summary>
    public bool SkipLayers { get; init; }

    /// <summary>
    /// Whether SBOMs of the previous image's layers are in <c>&lt;layers&gt;/sbom/launch</c>, where analyze put them. That directory is removed then.
    /// </summary>
    public bool SbomsAreUnpacked { get; init; }

    /// <summary>What the app's last build left in the cache.</summary>
    public CacheMetadata? Cache { get; init; }
}
