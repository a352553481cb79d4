using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Restore;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Cache;

/// <summary>
/// A cache image, as the reference lifecycle makes it: an image that nobody runs, with a label and the cached layers. One that would have no layer gets one
/// of 1024 zero bytes (an empty tar), because some registries refuse images without layers.
/// </summary>
public sealed class ImageCache(ImageStores images, ImageLocation location, Platform platform) : ILayerCache
{
    private const int EmptyTarBytes = 1024;

    /// <inheritdoc/>
    public async Task<CacheContents> ReadAsync(IPhaseLog log, CancellationToken cancellationToken)
    {
        try
        {
            if (await images.FindAsync(location, platform, cancellationToken) is not { } image)
            {
                log.Info("Layer cache not found");
                return CacheContents.Empty;
            }
            var layers = image.Layers.DistinctBy(layer => layer.DiffId).ToDictionary(layer => layer.DiffId);
            var metadata = CacheLabel.Read(image.Config.Config.Labels?.GetValueOrDefault(CacheLabel.Name), layers.GetValueOrDefault, out var problem);
            if (problem is not null)
                log.Warn($"Cache image {location}: {problem}");
            return metadata is null ? CacheContents.Empty : new CacheContents(metadata, image.Blobs);
        }
        catch (Exception e) when (ImageErrors.Is(e))
        {
            log.Warn($"Ignoring cache image \"{location}\": {e.Message}");
            return CacheContents.Empty;
        }
    }

    /// <inheritdoc/>
    public async Task WriteAsync(CacheMetadata metadata, IBlobSource blobs, CancellationToken cancellationToken)
    {
        var builder = ImageBuilder.FromScratch(platform);
        foreach (var layer in metadata.AllLayers().DistinctBy(layer => layer.DiffId))
            builder.AddLayer(layer, blobs, origin: null, new HistoryEntry { Created = LayerTimes.Normalized });
        if (builder.Layers.Count == 0)
            AddEmptyLayer(builder);
        builder.SetLabel(CacheLabel.Name, CacheLabel.Write(metadata));
        builder.Config = builder.Config with { Created = LayerTimes.Normalized };
        await images.PushAsync(builder.Build(), location, progress: null, cancellationToken);
    }

    private static void AddEmptyLayer(ImageBuilder builder)
    {
        var memory = new MemoryBlobs();
        var blob = memory.Add(new byte[EmptyTarBytes], MediaTypes.OciLayer);
        builder.AddLayer(new Layer(blob, blob.Digest), memory, origin: null, new HistoryEntry { Created = LayerTimes.Normalized });
    }
}
