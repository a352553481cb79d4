using CsCheck;
using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Restore;
using Grid.Lifecycle.Tests.Build;
using Grid.Lifecycle.Tests.Export;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Tests.Restore;

/// <summary>What is restored against the table of buildpack.md §Layer Types, for any mixture of layers in the image and in the cache.</summary>
public sealed class RestorePropertyTests
{
    private static readonly Digest[] Contents = [Digest.Compute("one"u8), Digest.Compute("two"u8)];

    /// <summary>A layer by name, its types, and which content the image and the cache have of it; null where it is not.</summary>
    private sealed record State(string Name, bool Build, bool Cache, bool Launch, int? InImage, int? InCache);

    private static readonly Gen<State[]> Layers = Gen.Select(
            Gen.Char["abcd"], Gen.Bool, Gen.Bool, Gen.Bool, Gen.Int[-1, 1], Gen.Int[-1, 1],
            (name, build, cache, launch, image, stored) => new State(
                name.ToString(), build, cache, launch, launch && image >= 0 ? image : null, cache && stored >= 0 ? stored : null))
        .Array[0, 5].Select(layers => layers.DistinctBy(layer => layer.Name).ToArray());

    [Fact]
    [Spec("buildpack/restore.table", "buildpack/cache.both", "buildpack/build-layer.not-cached", "buildpack/launch.restore-not", "platform/restore.rules")]
    public void Make_AnyLayers_IsTheTable() => Gen.Select(Layers, Gen.Bool, Gen.Bool).Sample((layers, isInGroup, newer) =>
    {
        var api = newer ? "0.14" : "0.13";
        var plan = RestorePlan.Make(Input(layers, api, isInGroup ? "a/b" : "another"), new CapturedLog());

        var expected = isInGroup ? layers.Select(layer => Expected(layer, newer)).OfType<string>() : [];
        plan.Select(layer => $"{layer.Name}: metadata{(layer.Content is null ? "" : " and content " + layer.Content.Layer.DiffId)}").ShouldBe(expected, ignoreOrder: true);
    }, iter: 5_000);

    /// <summary>The table: a cached layer comes back whole or not at all, one that is only for launch without its content, all others not.</summary>
    private static string? Expected(State layer, bool newer)
    {
        if (!layer.Cache)
            return layer is { Launch: true, Build: false, InImage: not null } ? $"{layer.Name}: metadata" : null;
        if (layer.InCache is not { } cached)
            return null;
        // A launch layer counts as the image has it; that the cache alone is enough came with Platform API 0.14.
        if (layer.Launch && (layer.InImage is { } image ? image != cached : !newer))
            return null;
        return $"{layer.Name}: metadata and content {Contents[cached]}";
    }

    private static RestoreInput Input(State[] layers, string api, string id) => new()
    {
        Environment = GoldenBuild.Environment with { PlatformApi = api },
        Group = new Group([new GroupElement(ModuleKind.Buildpack, "a/b", "1", "0.11")], []),
        Previous = new LifecycleMetadata
        {
            Buildpacks =
            [
                new BuildpackLayersMetadata
                {
                    Id = id,
                    Layers = layers.Where(layer => layer.InImage is not null).ToDictionary(layer => layer.Name, layer => new LayerMetadata
                    {
                        Sha = Contents[layer.InImage!.Value].ToString(), Build = layer.Build, Cache = layer.Cache, Launch = true,
                    }),
                },
            ],
        },
        Cache = new CacheMetadata { Buildpacks = [new CachedBuildpack(id, "1", [.. layers.Where(layer => layer.InCache is not null).Select(Cached)])], ExecEnv = "production" },
    };

    private static CachedLayer Cached(State layer)
    {
        var content = Contents[layer.InCache!.Value];
        return new CachedLayer(layer.Name, new Layer(new Descriptor(MediaTypes.OciLayerGzip, content, 7), content)) { Build = layer.Build, Launch = layer.Launch };
    }
}
