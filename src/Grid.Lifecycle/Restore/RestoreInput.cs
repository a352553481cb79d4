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

    /// <summary>What the app's last build left in the cache.</summary>
    public CacheMetadata? Cache { get; init; }
}
