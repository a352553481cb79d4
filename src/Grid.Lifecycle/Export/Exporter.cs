using Grid.Lifecycle.Analyze;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Export;

/// <summary>Writes a finished image to all its names.</summary>
public static class Exporter
{
    /// <summary>As <see cref="ExportAsync(IImageStore, ImageContent, IReadOnlyList{ExportTarget}, IPhaseLog, CancellationToken)"/>, with the locations' own names.</summary>
    public static Task<ExportReport> ExportAsync(
        IImageStore images, ImageContent image, IReadOnlyList<ImageLocation> targets, IPhaseLog log, CancellationToken cancellationToken) =>
        ExportAsync(images, image, [.. targets.Select(target => new ExportTarget(target.ToString(), target))], log, cancellationToken);

    /// <summary>
    /// Writes the image under the first name, then under the others; blobs that are already there are not sent again. A name that fails does not keep the
    /// others from being written: the report says which (see <see cref="ExportReport.EnsureComplete"/>).
    /// </summary>
    public static async Task<ExportReport> ExportAsync(
        IImageStore images, ImageContent image, IReadOnlyList<ExportTarget> targets, IPhaseLog log, CancellationToken cancellationToken)
    {
        var tags = new List<string>();
        var pinned = new List<ImageLocation>();
        var errors = new List<TagError>();
        if (targets.Count > 0)
            log.Info($"Saving {targets[0].Name}...");
        foreach (var (name, location) in targets)
        {
            try
            {
                pinned.Add(await images.PushAsync(image, location, progress: null, cancellationToken));
                tags.Add(name);
            }
            catch (Exception e) when (ImageErrors.Is(e))
            {
                errors.Add(new TagError(name, e.Message));
                log.Error($"{name}: {e.Message}");
            }
        }
        var id = pinned.OfType<ImageLocation.Docker>().FirstOrDefault()?.Name;
        if (tags.Count > 0)
        {
            log.Info($"*** Images ({id ?? image.Digest.ToString()}):");
            foreach (var tag in tags)
                log.Info($"      {tag}");
        }
        return new ExportReport
        {
            Digest = image.Digest,
            ManifestSize = image.Manifest.Length,
            ImageId = id,
            Tags = tags,
            Pinned = [.. pinned.Select(location => location.ToString())],
            Errors = errors,
        };
    }
}
