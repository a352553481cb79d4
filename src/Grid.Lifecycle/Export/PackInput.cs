using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Analyze;

namespace Grid.Lifecycle.Export;

/// <summary>What is packed after the build, on the node where it ran.</summary>
public sealed record PackInput
{
    public required PhaseEnvironment Environment { get; init; }

    public required Group Group { get; init; }

    /// <summary>The build phase's result.</summary>
    public required BuildMetadata Build { get; init; }

    /// <summary>The label of the previous image.</summary>
    public LifecycleMetadata? Previous { get; init; }

    /// <summary>The previous image: layers that are still the same are taken from it.</summary>
    public PinnedImage? PreviousImage { get; init; }

    /// <summary>Path on this machine of our own launcher; used when the builder has no <c>/cnb/lifecycle/launcher</c>.</summary>
    public required string LauncherPath { get; init; }

    /// <summary>What the label says about our own launcher.</summary>
    public LauncherMetadata OwnLauncher { get; init; } = new();

    /// <summary>What the label says about the builder's launcher (its lifecycle's version).</summary>
    public LauncherMetadata BuilderLauncher { get; init; } = new();
}
