using System.Text.RegularExpressions;
using Grid.Buildpacks;
using Grid.Lifecycle.Analyze;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Layouts;

namespace Grid.Lifecycle.Export;

/// <summary>
/// The run image an extender left: a sparse OCI layout in <c>&lt;extended&gt;/run/…</c> that has the blobs of the new layers and not those of the run image
/// (platform.md §extender, Outputs).
/// </summary>
/// <param name="Config">The extended image's configuration.</param>
/// <param name="Layers">What extensions added, bottom first; the blobs are in the content store.</param>
public sealed partial record ExtendedRunImage(ContainerConfig Config, IReadOnlyList<ExtensionLayer> Layers)
{
    /// <summary>Reads it and brings its layers into a store, with the time all our layers have. Null when nothing was extended.</summary>
    /// <param name="directory"><c>&lt;extended&gt;/run</c>.</param>
    /// <param name="store">Where the layers go.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    /// <exception cref="LifecycleException">Exit code 62: there are several images, or what is there cannot be read.</exception>
    public static async Task<ExtendedRunImage?> ReadAsync(string directory, ContentStore store, CancellationToken cancellationToken)
    {
        string[] images = Directory.Exists(directory) ? Directory.GetFileSystemEntries(directory) : [];
        if (images.Length == 0)
            return null;
        if (images.Length > 1)
            throw new LifecycleException(ExitCode.ExportError, $"{directory} holds {images.Length} images where one extended run image is expected; empty it before extending");
        try
        {
            var layout = new ImageLocation.Layout(images[0], Tag: null);
            var image = await new LayoutImageStore().FindAsync(layout, HostPlatform.Current, cancellationToken)
                ?? throw new LifecycleException(ExitCode.ExportError, $"{images[0]} is no OCI layout; run the extender again");
            var layers = new List<ExtensionLayer>();
            var history = (image.Config.History ?? []).Where(entry => !entry.EmptyLayer).ToList();
            for (var index = 0; index < image.Layers.Count; index++)
            {
                var layer = image.Layers[index];
                // A layer of the run image itself is named and not there.
                if (!File.Exists(Path.Combine(images[0], "blobs", "sha256", layer.Blob.Digest.Hex)))
                    continue;
                var normalized = await NormalizeAsync(layer, image.Blobs, store, cancellationToken);
                layers.Add(Named(normalized, index < history.Count ? history[index].CreatedBy ?? "" : ""));
            }
            return new ExtendedRunImage(image.Config.Config, layers);
        }
        catch (Exception e) when (ImageErrors.Is(e))
        {
            throw new LifecycleException(ExitCode.ExportError, $"read the extended run image in {images[0]}: {e.Message}", e);
        }
    }

    private static ExtensionLayer Named(Layer layer, string createdBy)
    {
        var match = CreatedByPattern().Match(createdBy);
        return new ExtensionLayer(layer, match.Groups["instruction"].Value, match.Groups["extension"].Value) { CreatedBy = createdBy };
    }

    private static async Task<Layer> NormalizeAsync(Layer layer, IBlobSource blobs, ContentStore store, CancellationToken cancellationToken)
    {
        if (await IsNormalizedAsync(layer, blobs, cancellationToken))
        {
            await store.EnsureAsync(layer.Blob, blobs, cancellationToken);
            return layer;
        }
        await using var blob = await blobs.OpenAsync(layer.Blob, cancellationToken);
        await using var tar = LayerReader.Decompress(blob, layer.Blob.MediaType);
        var reader = new LayerReader(tar);
        using var writer = LayerWriter.Create(store);
        while (reader.Next() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            writer.Write(entry with { ModifiedTime = LayerTimes.Normalized }, reader.Content);
        }
        return writer.Complete();
    }

    // Layers of our own extender have the time already; those are not compressed a second time.
    private static async Task<bool> IsNormalizedAsync(Layer layer, IBlobSource blobs, CancellationToken cancellationToken)
    {
        await using var blob = await blobs.OpenAsync(layer.Blob, cancellationToken);
        await using var tar = LayerReader.Decompress(blob, layer.Blob.MediaType);
        var reader = new LayerReader(tar);
        while (reader.Next() is { } entry)
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (entry.ModifiedTime != LayerTimes.Normalized)
                return false;
        }
        return true;
    }

    [GeneratedRegex(@"\ALayer: '(?<instruction>.*)', Created by extension: (?<extension>.*)\z", RegexOptions.Singleline)]
    private static partial Regex CreatedByPattern();
}
