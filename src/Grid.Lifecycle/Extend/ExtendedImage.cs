using Grid.Lifecycle.Analyze;
using Grid.Oci.Images;
using Grid.Oci.Layers;

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

    /// <summary>
    /// The image by itself, to be written somewhere: base and extension layers with a history entry each, as the reference words them. Equal inputs
    /// give equal bytes.
    /// </summary>
    /// <param name="store">Has the layers that were added.</param>
    /// <param name="baseBlobs">Has the base's layers.</param>
    public ImageContent ToContent(IBlobSource store, IBlobSource baseBlobs)
    {
        var image = Base.ToImage(baseBlobs) with { Config = Config with { RootFs = Base.Config.RootFs } };
        var builder = ImageBuilder.From(image, Base.ToLocation());
        foreach (var added in Added)
        {
            builder.AddLayer(added.Layer, store, origin: null, new HistoryEntry
            {
                Created = LayerTimes.Normalized, CreatedBy = $"Layer: '{added.CreatedBy}', Created by extension: {added.ExtensionId}",
            });
        }
        builder.Config = builder.Config with { Created = LayerTimes.Normalized };
        return builder.Build();
    }
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
