using Grid.Buildpacks.Layers;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Restore;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Cache;

/// <summary>The last thing an export does: it leaves cached layers for the next build.</summary>
public static class CacheExport
{
    private const string SbomIdentifier = "buildpacksio/lifecycle:cache.sbom";

    /// <summary>Writes the cache. A cache that cannot be written costs the next build time and never this one its image: that is a warning.</summary>
    public static async Task WriteAsync(ILayerCache cache, CacheMetadata metadata, IBlobSource blobs, IPhaseLog log, CancellationToken cancellationToken)
    {
        try
        {
            var before = await cache.ReadAsync(log, cancellationToken);
            Report(before.Metadata, metadata, log);
            await cache.WriteAsync(metadata, blobs, cancellationToken);
        }
        catch (Exception e) when (ImageErrors.Is(e))
        {
            log.Warn($"Failed to export cache: {e.Message}");
        }
    }

    /// <summary>One line for each layer: whether the cache has it already. (The reference says both of a layer that is reused.)</summary>
    public static void Report(CacheMetadata? before, CacheMetadata now, IPhaseLog log)
    {
        var there = before?.AllLayers().Select(layer => layer.DiffId).ToHashSet() ?? [];
        foreach (var buildpack in now.Buildpacks)
        {
            foreach (var cached in buildpack.Layers)
                Say(cached.Layer.DiffId, BuildpackLayer.Identifier(buildpack.Id, cached.Name));
        }
        if (now.Sbom is { } sbom)
            Say(sbom.DiffId, SbomIdentifier);

        void Say(Digest diffId, string identifier) => log.Info($"{(there.Contains(diffId) ? "Reusing" : "Adding")} cache layer '{identifier}'");
    }
}
