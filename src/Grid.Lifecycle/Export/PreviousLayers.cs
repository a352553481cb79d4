using Grid.Lifecycle.Analyze;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Export;

/// <summary>The layers of the previous image, by diff ID: what is still the same is taken from there.</summary>
internal sealed class PreviousLayers(PinnedImage? image)
{
    private readonly Dictionary<string, Layer> _layers =
        (image?.Layers ?? []).DistinctBy(layer => layer.DiffId).ToDictionary(layer => layer.DiffId.ToString());

    public Layer? Find(string diffId) => _layers.GetValueOrDefault(diffId);

    /// <summary>
    /// A directory as a layer. With a previous image it is measured first: in a rebuild most layers are the same, and a layer that is there already need not be
    /// compressed. One that changed is read twice, which costs little beside compressing it.
    /// </summary>
    public Layer Pack(ContentStore store, IFileTree files, string path, DirectoryLayerOptions options, CancellationToken cancellationToken) =>
        _layers.Count > 0 && Find(DirectoryLayer.Measure(files, path, options, cancellationToken).ToString()) is { } same
            ? same
            : DirectoryLayer.Create(store, files, path, options, cancellationToken);
}
