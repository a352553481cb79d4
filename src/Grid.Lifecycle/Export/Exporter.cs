using Grid.Lifecycle.Analyze;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Export;

/// <summary>Writes a finished image to all its names.</summary>
public static class Exporter
{
    /// <summary>
    /// Writes the image under the first name, then under the others; blobs that are already there are not sent again. A name that fails does not keep the
    /// others from being written: the report says which (see <see cref="ExportReport.EnsureComplete"/>).
    /// </summary>
    public static async Task<ExportReport> ExportAsync(
        ImageStores images, ImageContent image, IReadOnlyList<ImageLocation> targets, IPhaseLog log, CancellationToken cancellationToken)
    {
        var tags = new List<string>();
        var pinned = new List<string>();
        var errors = new List<TagError>();
        if (targets.Count > 0)
            log.Info($"Saving {targets[0]}...");
        foreach (var target in targets)
        {
            try
            {
                pinned.Add((await images.PushAsync(image, target, progress: null, cancellationToken)).ToString());
                tags.Add(target.ToString());
            }
            catch (Exception e) when (ImageErrors.Is(e))
            {
                errors.Add(new TagError(target.ToString(), e.Message));
                log.Error($"{target}: {e.Message}");
            }
        }
        if (tags.Count > 0)
        {
            log.Info($"*** Images ({image.Digest}):");
            foreach (var tag in tags)
                log.Info($"      {tag}");
        }
        return new ExportReport { Digest = image.Digest, ManifestSize = image.Manifest.Length, Tags = tags, Pinned = pinned, Errors = errors };
    }
}
