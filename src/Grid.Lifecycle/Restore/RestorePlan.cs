using Grid.Buildpacks;
using Grid.Buildpacks.Layers;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Toml;

namespace Grid.Lifecycle.Restore;

/// <summary>A layer to restore.</summary>
/// <param name="Buildpack">Its buildpack.</param>
/// <param name="Name">Its name.</param>
/// <param name="Metadata">Its metadata, without types: the buildpack has to say again what the layer is for.</param>
/// <param name="FromApp">Whether the metadata are the previous image's; otherwise they are the cache's.</param>
/// <param name="Content">The cached content; null when only metadata are restored.</param>
internal sealed record RestoredLayer(GroupElement Buildpack, string Name, TomlTable? Metadata, bool FromApp, CachedLayer? Content)
{
    public string Identifier => BuildpackLayer.Identifier(Buildpack.Id, Name);
}

/// <summary>Decides what of the previous image and the cache comes back (buildpack.md §Layer Types; spec-facts §4.3 has the table).</summary>
internal static class RestorePlan
{
    /// <summary>The layers of all buildpacks, in the order of the group.</summary>
    public static IReadOnlyList<RestoredLayer> Make(RestoreInput input, IPhaseLog log)
    {
        if (input.SkipLayers)
        {
            log.Debug("Skipping buildpack layer analysis");
            return [];
        }
        if (OtherExecEnv(input) is { } before)
        {
            log.Info($"Not restoring layers: they were built for the execution environment '{before}', this build is for '{input.Environment.ExecEnv}'");
            return [];
        }
        return [.. input.Group.Buildpacks.SelectMany(buildpack => For(buildpack, input, log))];
    }

    private static List<RestoredLayer> For(GroupElement buildpack, RestoreInput input, IPhaseLog log)
    {
        var app = input.Previous?.Buildpacks?.FirstOrDefault(metadata => metadata.Id == buildpack.Id)?.Layers ?? new Dictionary<string, LayerMetadata>();
        var cached = (input.Cache?.Buildpacks.FirstOrDefault(cache => cache.Id == buildpack.Id)?.Layers ?? []).ToDictionary(layer => layer.Name);
        var plan = new List<RestoredLayer>();
        foreach (var (name, layer) in app.OrderBy(item => item.Key, StringComparer.Ordinal))
        {
            if (IsName(name) && Decide(buildpack, name, layer, cached.GetValueOrDefault(name), log) is { } restored)
                plan.Add(restored);
        }
        var below14 = input.Environment.PlatformApi.IsBelow("0.14");
        foreach (var layer in cached.Values.OrderBy(layer => layer.Name, StringComparer.Ordinal).Where(layer => IsName(layer.Name)))
        {
            // A launch layer whose metadata the image does not have: only from Platform API 0.14 on the cache alone is enough.
            if (app.ContainsKey(layer.Name) || (layer.Launch && below14))
                continue;
            log.Info($"Restoring metadata for \"{BuildpackLayer.Identifier(buildpack.Id, layer.Name)}\" from cache");
            plan.Add(new RestoredLayer(buildpack, layer.Name, Metadata(layer), FromApp: false, layer));
        }
        return plan;
    }

    private static RestoredLayer? Decide(GroupElement buildpack, string name, LayerMetadata layer, CachedLayer? cached, IPhaseLog log)
    {
        var identifier = BuildpackLayer.Identifier(buildpack.Id, name);
        if (!layer.Launch || (layer.Build && !layer.Cache))
        {
            log.Debug($"Not restoring \"{identifier}\" from app image, marked as {(layer.Launch ? "build=true, cache=false" : "launch=false")}");
            return null;
        }
        if (layer.Cache && cached is null)
        {
            log.Info($"Not restoring \"{identifier}\" from app image, not in cache");
            return null;
        }
        if (layer.Cache && cached!.Layer.DiffId.ToString() != layer.Sha)
        {
            log.Info($"Removing \"{identifier}\", wrong sha");
            return null;
        }
        log.Info($"Restoring metadata for \"{identifier}\" from app image");
        // The cache has the same metadata with its types intact, the label only what JSON can say.
        var metadata = layer.Cache ? Metadata(cached!) : layer.Data is { } data ? TomlJson.ToToml(data) : null;
        return new RestoredLayer(buildpack, name, metadata, FromApp: true, layer.Cache ? cached : null);
    }

    private static TomlTable? Metadata(CachedLayer layer) =>
        layer.MetadataToml is null ? null : TomlFile.Parse(layer.MetadataToml, $"cached metadata of layer '{layer.Name}'");

    // buildpack.md 0.12 §Execution environments: layers of another environment SHOULD NOT be restored.
    private static string? OtherExecEnv(RestoreInput input)
    {
        if (input.Environment.PlatformApi.IsBelow("0.15"))
            return null;
        var before = input.PreviousImage?.Labels.GetValueOrDefault("io.buildpacks.exec-env") ?? input.Cache?.ExecEnv;
        return string.IsNullOrEmpty(before) || before == input.Environment.ExecEnv ? null : before;
    }

    // The label is what some earlier build, or somebody else, wrote: a name must not lead anywhere.
    private static bool IsName(string name) => name.Length > 0 && name is not ("." or "..") && !name.Contains('/') && !name.Contains('\0');
}
