using Grid.Lifecycle.Analyze;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Extend;

/// <summary>An image after its Dockerfiles: the base, the layers they added, and the configuration they left.</summary>
public sealed record ExtendedImage
{
    public required PinnedImage Base { get; init; }

    /// <summary>Layers above the base, bottom first.</summary>
    public IReadOnlyList<AddedLayer> Added { get; init; } = [];

    /// <summary>The configuration after the last instruction, diff IDs included.</summary>
    public required ImageConfig Config { get; init; }

    /// <summary>Whether every Dockerfile says so itself (spec-facts §14 row 15); null when no Dockerfile was applied.</summary>
    public bool? Rebasable { get; init; }

    /// <summary>All layers, bottom first.</summary>
    public IReadOnlyList<Layer> AllLayers() => [.. Base.Layers, .. Added.Select(a => a.Layer)];
}

/// <summary>A layer an extension added.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="ExtensionId">Who added it.</param>
/// <param name="CreatedBy">The instruction, for the history.</param>
public sealed record AddedLayer(Layer Layer, string ExtensionId, string CreatedBy)
{
    /// <summary>The image that holds the blob when it was taken from there and is not in the content store; else null.</summary>
    public string? Origin { get; init; }
}
