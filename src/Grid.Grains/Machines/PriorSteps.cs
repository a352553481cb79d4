using Grid.Contracts.Apps;
using Grid.Contracts.Builds;
using Grid.Contracts.Steps;
using Grid.Lifecycle.Analyze;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Grains.Machines;

/// <summary>
/// Prior-build extension metadata at work: what the app's last build recorded, by the grid or on the image itself, lets the next build take extension
/// layers from that image although the cache has them no longer, or is another grid's.
/// </summary>
/// <remarks>
/// A label is text anybody could have written. It is believed only of an image in the repository this build writes to, only for this build (nothing of it
/// enters the cache, least of all the shared scope), and only for layers whose diff IDs the image's own configuration names.
/// </remarks>
public static class PriorSteps
{
    /// <summary>What is known of the app's last build: by the grid, then by the image's label.</summary>
    public static ExtensionRecord[] Records(AppRecord history, AnalyzeResult analyzed, string target) =>
        [.. history.Extensions, .. Image(analyzed, target) is null ? [] : ExtensionLabel.Read(analyzed.Previous!.Config.Config.Labels)];

    /// <summary>The previous image, when its label may be believed; otherwise null.</summary>
    public static PriorImage? Image(AnalyzeResult analyzed, string target)
    {
        if (analyzed.Previous is not { } previous)
            return null;
        var isOwn = (previous.ToLocation(), ImageLocation.Parse(target)) switch
        {
            (ImageLocation.Registry a, ImageLocation.Registry b) => a.Reference.Name == b.Reference.Name,
            (ImageLocation.Layout a, ImageLocation.Layout b) => a.Directory == b.Directory,
            _ => false,
        };
        return isOwn ? new PriorImage(previous.Location, [.. previous.Layers]) : null;
    }

    /// <summary>The step's result in the previous image, or null.</summary>
    /// <param name="request">What is extended, with records and previous image.</param>
    /// <param name="step">The step.</param>
    /// <param name="notBefore">Results that are older, or whose age nobody knows, are not used.</param>
    internal static (CachedStep Step, string Origin)? Find(ExtendRequest request, ChainStep step, DateTimeOffset notBefore)
    {
        if (request.Prior is not { } prior)
            return null;
        foreach (var record in request.Previous.Where(r => r.Kind == request.Kind && r.ExtensionId == step.Source.ExtensionId).SelectMany(r => r.Steps))
        {
            if (record.Key.Digest != step.Key!.Digest || record.CreatedAt is not { } createdAt || createdAt < notBefore)
                continue;
            var layer = prior.Layers.FirstOrDefault(l => l.DiffId == record.DiffId);
            if (layer is null && !record.DiffId.IsEmpty)
                continue;
            return (new CachedStep { Layer = layer, Key = step.Key, BuildKey = request.BuildKey, CreatedAt = createdAt, Packages = record.Packages, RootUsers = record.RootUsers }, prior.Location);
        }
        return null;
    }
}
