using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Export;

/// <summary>One layer that is being packed, or that is taken from the previous image without being packed.</summary>
internal sealed class PackJob(string id, string createdBy, Func<CancellationToken, Layer> pack)
{
    private Layer? _layer;

    public string Id { get; } = id;

    public string CreatedBy { get; } = createdBy;

    /// <summary>Nothing is packed: the layer is the previous image's.</summary>
    public bool FromPrevious { get; init; }

    public Layer Layer => _layer ?? throw new InvalidOperationException($"layer {Id} has not been packed");

    public Digest DiffId => Layer.DiffId;

    public void Run(CancellationToken cancellationToken) => _layer = pack(cancellationToken);
}
