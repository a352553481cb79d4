using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Sandbox;

namespace Grid.Lifecycle.Analyze;

/// <summary>What analyze found out. All later phases work with these images and no others.</summary>
public sealed record AnalyzeResult
{
    public required PinnedImage Builder { get; init; }

    public required PinnedImage RunImage { get; init; }

    /// <summary>The name the run image was chosen by: its own or a mirror's, as written, not pinned.</summary>
    public required string RunImageName { get; init; }

    /// <summary>What the app image's label says about the base: the name a rebase looks for, and its mirrors.</summary>
    public required RunImageNames RunImageMetadata { get; init; }

    /// <summary>The run images the builder knows; a switch to another one by an extension is worth a warning.</summary>
    public required IReadOnlyList<RunImageNames> KnownRunImages { get; init; }

    /// <summary>The image of an earlier build, when there is one.</summary>
    public PinnedImage? Previous { get; init; }

    /// <summary>What its label says; null when it has no readable one.</summary>
    public LifecycleMetadata? PreviousMetadata { get; init; }

    /// <summary>The run image's target.</summary>
    public required Target Target { get; init; }

    /// <summary>CNB_USER_ID and CNB_GROUP_ID of the builder.</summary>
    public required ProcessUser User { get; init; }

    /// <summary>The version of the lifecycle in the builder, as its label says; null when it says none.</summary>
    public string? LifecycleLauncherNote { get; init; }
}
