using System.Text.Json;
using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Restore;
using Grid.Lifecycle.Tests.Build;
using Grid.Lifecycle.Tests.Export;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Tests.Restore;

public sealed class RestorePlanTests
{
    private static readonly Digest Sha = Digest.Compute("content"u8);
    private static readonly GroupElement Buildpack = new(ModuleKind.Buildpack, "a/b", "1", "0.11");

    // spec-facts §4.3; a layer without launch stands in the cache alone.
    [Theory]
    [InlineData(true, true, true, true, true)]
    [InlineData(true, true, false, true, true)]
    [InlineData(true, false, true, false, false)]
    [InlineData(true, false, false, false, false)]
    [InlineData(false, true, true, true, true)]
    [InlineData(false, true, false, true, true)]
    [InlineData(false, false, true, true, false)]
    [InlineData(false, false, false, false, false)]
    [Spec("buildpack/restore.table", "buildpack/launch.restore-not", "buildpack/build-layer.not-cached", "buildpack/cache.both")]
    [Spec("platform/restore.rules")]
    public void Make_IsTheTableOfTheSpecification(bool build, bool cache, bool launch, bool toml, bool data)
    {
        var plan = Plan(launch ? Layer(build, cache) : null, cache ? Cached(build, launch) : null);
        plan.Count.ShouldBe(toml ? 1 : 0);
        if (toml)
            (plan[0].Content is not null).ShouldBe(data);
    }

    [Fact]
    [Spec("buildpack/cache.both")]
    public void Make_CachedLayerThatTheImageHasInAnotherVersion_IsNotRestored() =>
        Plan(Layer(false, true) with { Sha = "sha256:other" }, Cached(false, true)).ShouldBeEmpty();

    [Fact]
    public void Make_LayerThatTheCacheLacks_IsNotRestored() => Plan(Layer(false, true), null).ShouldBeEmpty();

    [Theory]
    [InlineData("0.13", 0)]
    [InlineData("0.14", 1)]
    public void Make_LaunchLayerOnlyInTheCache_DependsOnThePlatform(string api, int count) => Plan(null, Cached(false, true), api).Count.ShouldBe(count);

    [Theory]
    [InlineData("0.14", "test", 1)]
    [InlineData("0.15", "test", 0)]
    [InlineData("0.15", "production", 1)]
    [Spec("buildpack/exec-env.restore", "platform/restore.exec-env")]
    public void Make_LayersOfAnotherExecutionEnvironment_AreNotRestored(string api, string before, int count) =>
        Plan(null, Cached(false, false), api, before).Count.ShouldBe(count);

    [Theory]
    [InlineData("..")]
    [InlineData("x/../../y")]
    [InlineData("")]
    public void Make_NamesThatLeadElsewhere_AreIgnored(string name) => RestorePlan.Make(
        Input(new LifecycleMetadata { Buildpacks = [new BuildpackLayersMetadata { Id = "a/b", Layers = new Dictionary<string, LayerMetadata> { [name] = Layer(false, false) } }] }, null, "0.13"),
        new CapturedLog()).ShouldBeEmpty();

    [Fact]
    public void CacheMetadata_SurvivesJson()
    {
        var cache = new CacheMetadata { Buildpacks = [new CachedBuildpack("a/b", "1", [Cached(true, true)])], Sbom = Cached(true, true).Layer };
        var text = JsonSerializer.Serialize(cache);
        var copy = JsonSerializer.Deserialize<CacheMetadata>(text)!;
        JsonSerializer.Serialize(copy).ShouldBe(text);
        copy.AllLayers().Count().ShouldBe(2);
    }

    [Theory]
    [InlineData("/layers/a_b/l/../../../etc/x", "holds the path")]
    [InlineData("/layers/other/x", "is not below")]
    [InlineData("/layers/a_b/l/link/x", "below a symbolic link")]
    [InlineData(null, "does not hold the layer")]
    [Spec("buildpack/cache.both")]
    public async Task Restore_HostileOrWrongCacheContent_IsLeftOutAndNothingLandsElsewhere(string? path, string message)
    {
        var directory = Directory.CreateTempSubdirectory("grid-restore-");
        try
        {
            var store = new ContentStore(directory.FullName + "/store");
            Directory.CreateDirectory(directory.FullName + "/root");
            var files = new RootedDirectory(directory.FullName + "/root");
            using var writer = LayerWriter.Create(store);
            writer.Write(new LayerEntry("/layers/a_b/l", LayerEntryType.Directory) { Mode = 0x1ED });
            writer.Write(new LayerEntry("/layers/a_b/l/link", LayerEntryType.SymbolicLink) { LinkTarget = "/layers" });
            if (path is not null)
                writer.Write(new LayerEntry(path, LayerEntryType.File) { Size = 1 }, new MemoryStream("x"u8.ToArray()));
            var layer = writer.Complete();
            if (path is null)
                layer = layer with { DiffId = Sha };
            var log = new CapturedLog();
            var me = files.Stat("/")!.Owner;
            var input = Input(null, new CacheMetadata { Buildpacks = [new CachedBuildpack("a/b", "1", [new CachedLayer("l", layer)])] }, "0.13") with
            {
                Environment = GoldenBuild.Environment with { User = new Sandbox.ProcessUser(me.UserId, me.GroupId) },
            };
            await Restorer.RestoreAsync(files, store, input, log, TestContext.Current.CancellationToken);
            log.Lines(PhaseLogLevel.Warn).ShouldHaveSingleItem().ShouldContain(message);
            files.Walk().Select(item => item.Path).ShouldBe(["/layers", "/layers/a_b"]);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static IReadOnlyList<RestoredLayer> Plan(LayerMetadata? app, CachedLayer? cached, string api = "0.13", string execEnv = "production") => RestorePlan.Make(
        Input(
            app is null ? null : new LifecycleMetadata { Buildpacks = [new BuildpackLayersMetadata { Id = "a/b", Layers = new Dictionary<string, LayerMetadata> { ["l"] = app } }] },
            cached is null ? null : new CacheMetadata { Buildpacks = [new CachedBuildpack("a/b", "1", [cached])], ExecEnv = execEnv },
            api),
        new CapturedLog());

    private static RestoreInput Input(LifecycleMetadata? previous, CacheMetadata? cache, string api) => new()
    {
        Environment = GoldenBuild.Environment with { PlatformApi = api },
        Group = new Group([Buildpack], []),
        Previous = previous,
        Cache = cache,
    };

    private static LayerMetadata Layer(bool build, bool cache) => new() { Sha = Sha.ToString(), Build = build, Cache = cache, Launch = true };

    private static CachedLayer Cached(bool build, bool launch) =>
        new("l", new Layer(new Descriptor(MediaTypes.OciLayerGzip, Sha, 7), Sha)) { Build = build, Launch = launch, MetadataToml = "d = 2020-01-01\n" };
}
