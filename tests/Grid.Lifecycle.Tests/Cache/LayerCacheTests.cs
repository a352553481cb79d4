using System.Security.Cryptography;
using Grid.Lifecycle.Cache;
using Grid.Lifecycle.Restore;
using Grid.Lifecycle.Tests.Build;
using Grid.Lifecycle.Tests.Export;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Layouts;

namespace Grid.Lifecycle.Tests.Cache;

/// <summary>Cache directories and cache images, in the format the reference keeps them in.</summary>
public sealed class LayerCacheTests : IDisposable
{
    private const string LabelName = "io.buildpacks.lifecycle.cache.metadata";

    private readonly string _root = Directory.CreateTempSubdirectory("grid-cache-").FullName;
    private readonly ContentStore _store;
    private readonly CapturedLog _log = new();

    public LayerCacheTests() => _store = new ContentStore(_root + "/store");

    private string CacheDirectory => _root + "/cache";

    private string Committed => CacheDirectory + "/committed";

    [Fact]
    [Spec("platform/export.cache", "platform/export.cache.metadata", "buildpack/cache.store", "buildpack/cache.metadata")]
    public async Task Directory_HoldsTheReferencesFiles()
    {
        var cache = new DirectoryCache(CacheDirectory);
        await WriteAsync(cache, Metadata());
        Directory.EnumerateFileSystemEntries(CacheDirectory).ShouldBe([Committed]);
        var text = await File.ReadAllTextAsync(Committed + "/" + LabelName, Token);
        var sha = Sha("a");
        text.ShouldBe(
            $$$$"""{"sbom":{"sha":"{{{{Sha("s")}}}}"},"buildpacks":[{"key":"a/b","version":"1","layers":{"l":{"sha":"{{{{sha}}}}","data":{"n":3},"build":true,"launch":false,"cache":true}}},{"key":"c","version":"2","layers":{}}]}""" + "\n");
        Directory.EnumerateFiles(Committed).Select(Path.GetFileName).Order(StringComparer.Ordinal).ShouldBe(
            new[] { LabelName, sha + ".tar", Sha("s") + ".tar" }.Order(StringComparer.Ordinal));
        foreach (var tar in Directory.EnumerateFiles(Committed, "*.tar"))
            Path.GetFileName(tar).ShouldBe("sha256:" + Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(tar, Token))) + ".tar");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Spec("platform/restore.cache", "platform/export.cache")]
    public async Task WrittenAndRead_GivesTheSameLayers(bool image)
    {
        var cache = Cache(image);
        await WriteAsync(cache, Metadata());
        var read = await cache.ReadAsync(_log, Token);
        _log.Lines().ShouldBe([]);
        var buildpack = read.Metadata.Buildpacks[0];
        (buildpack.Id, buildpack.Version).ShouldBe(("a/b", "1"));
        var layer = buildpack.Layers.ShouldHaveSingleItem();
        (layer.Name, layer.Build, layer.Launch, layer.MetadataToml).ShouldBe(("l", true, false, "n = 3\n"));
        layer.Layer.DiffId.ShouldBe(Sha("a"));
        read.Metadata.Sbom!.DiffId.ShouldBe(Sha("s"));
        foreach (var one in read.Metadata.AllLayers())
            (await DiffIdAsync(one, read.Blobs)).ShouldBe(one.DiffId);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task NothingThere_IsAnEmptyCache(bool image)
    {
        (await Cache(image).ReadAsync(_log, Token)).Metadata.AllLayers().ShouldBeEmpty();
        _log.Lines().ShouldBe(["Layer cache not found"]);
    }

    [Fact]
    public async Task Image_WithoutLayers_HasOneOf1024ZeroBytes()
    {
        await WriteAsync(Cache(image: true), new CacheMetadata());
        var image = await Stores.FindAsync(Location, HostPlatform.Current, Token);
        image!.Layers.ShouldHaveSingleItem().DiffId.ShouldBe(Digest.Compute(new byte[1024]));
        image.Config.Config.Labels![LabelName].ShouldBe("""{"sbom":{"sha":""},"buildpacks":[]}""");
    }

    [Theory]
    [InlineData("no json")]
    [InlineData("""{"buildpacks":[{"key":"a","layers":{"l":{"sha":"md5:1","cache":true}}}]}""")]
    public async Task Directory_BrokenDescription_IsIgnoredWithAWarning(string text)
    {
        Directory.CreateDirectory(Committed);
        await File.WriteAllTextAsync(Committed + "/" + LabelName, text, Token);
        (await new DirectoryCache(CacheDirectory).ReadAsync(_log, Token)).Metadata.AllLayers().ShouldBeEmpty();
        _log.Lines(PhaseLogLevel.Warn).ShouldHaveSingleItem().ShouldContain("ignored");
    }

    [Fact]
    [Decision(24)]
    public async Task Directory_DamagedTar_IsWrittenAnew_AndAGoodOneIsLinked()
    {
        var cache = new DirectoryCache(CacheDirectory);
        await WriteAsync(cache, Metadata());
        var damaged = $"{Committed}/{Sha("a")}.tar";
        var bytes = await File.ReadAllBytesAsync(damaged, Token);
        await File.WriteAllTextAsync(damaged, "damaged", Token);
        var kept = $"{Committed}/{Sha("s")}.tar";
        File.SetLastWriteTimeUtc(kept, new DateTime(2001, 1, 1, 0, 0, 0, DateTimeKind.Utc));

        await CacheExport.WriteAsync(cache, Metadata(), _store, _log, Token);
        (await File.ReadAllBytesAsync(damaged, Token)).ShouldBe(bytes);
        File.GetLastWriteTimeUtc(kept).Year.ShouldBe(2001);
        // §14 row 24: a layer that is reused is not added a second time.
        _log.Lines().ShouldBe(["Reusing cache layer 'a/b:l'", "Reusing cache layer 'buildpacksio/lifecycle:cache.sbom'"]);
    }

    [Theory]
    [InlineData("missing")]
    [InlineData("damaged")]
    [Spec("buildpack/cache.both", "platform/restore.cache")]
    public async Task Restore_FromADirectoryWithABadTar_WarnsAndLeavesTheLayerOut(string how)
    {
        var cache = new DirectoryCache(CacheDirectory);
        await WriteAsync(cache, Metadata());
        var tar = $"{Committed}/{Sha("a")}.tar";
        File.Delete(tar);
        if (how == "damaged")
            File.Copy($"{Committed}/{Sha("s")}.tar", tar);
        var read = await cache.ReadAsync(_log, Token);
        Directory.CreateDirectory(_root + "/root");
        var files = new Grid.Oci.FileSystem.RootedDirectory(_root + "/root");
        var me = files.Stat("/")!.Owner;
        await Restorer.RestoreAsync(
            files,
            read.Blobs,
            new RestoreInput
            {
                Environment = GoldenBuild.Environment with { User = new Sandbox.ProcessUser(me.UserId, me.GroupId) },
                Group = new Buildpacks.Group([new Buildpacks.GroupElement(Buildpacks.ModuleKind.Buildpack, "a/b", "1", "0.10")], []),
                Cache = read.Metadata with { Sbom = null },
            },
            _log,
            Token);
        _log.Lines(PhaseLogLevel.Warn).ShouldHaveSingleItem().ShouldContain("a/b:l");
        files.Walk().Select(item => item.Path).ShouldBe(["/layers", "/layers/a_b"]);
    }

    [Fact]
    public async Task Directory_WriterThatDiedBetweenTheMoves_LeavesTheOldState()
    {
        var cache = new DirectoryCache(CacheDirectory);
        await WriteAsync(cache, Metadata());
        Directory.Move(Committed, CacheDirectory + "/committed-backup");
        (await cache.ReadAsync(_log, Token)).Metadata.AllLayers().Count().ShouldBe(2);
        Directory.EnumerateFileSystemEntries(CacheDirectory).ShouldBe([Committed]);
    }

    [Fact]
    public async Task Directory_WriteThatFails_LeavesTheOldState()
    {
        var cache = new DirectoryCache(CacheDirectory);
        await WriteAsync(cache, Metadata());
        var missing = new Layer(new Descriptor(MediaTypes.OciLayerGzip, Sha("never"), 5), Sha("never"));
        await CacheExport.WriteAsync(cache, new CacheMetadata { Sbom = missing }, _store, _log, Token);
        _log.Lines(PhaseLogLevel.Warn).ShouldHaveSingleItem().ShouldStartWith("Failed to export cache: ");
        (await cache.ReadAsync(_log, Token)).Metadata.AllLayers().Count().ShouldBe(2);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static ImageStores Stores { get; } = new([new LayoutImageStore()]);

    private ImageLocation Location => ImageLocation.Parse($"oci:{_root}/image:cache");

    private ILayerCache Cache(bool image) => image ? new ImageCache(Stores, Location, HostPlatform.Current) : new DirectoryCache(CacheDirectory);

    private Task WriteAsync(ILayerCache cache, CacheMetadata metadata) => cache.WriteAsync(metadata, _store, Token);

    private CacheMetadata Metadata() => new()
    {
        Buildpacks =
        [
            new CachedBuildpack("a/b", "1", [new CachedLayer("l", LayerOf("a")) { Build = true, MetadataToml = "n = 3\n" }]),
            new CachedBuildpack("c", "2", []),
        ],
        Sbom = LayerOf("s"),
    };

    private Digest Sha(string content) => LayerOf(content).DiffId;

    private Layer LayerOf(string content)
    {
        using var writer = LayerWriter.Create(_store);
        writer.Write(new LayerEntry("/layers/a_b/l", LayerEntryType.Directory) { Mode = 0x1ED });
        writer.Write(new LayerEntry("/layers/a_b/l/" + content, LayerEntryType.File) { Size = 1 }, new MemoryStream("x"u8.ToArray()));
        return writer.Complete();
    }

    private static async Task<Digest> DiffIdAsync(Layer layer, IBlobSource blobs)
    {
        await using var blob = await blobs.OpenAsync(layer.Blob, Token);
        await using var tar = LayerReader.Decompress(blob, layer.Blob.MediaType);
        return Digest.FromSha256(await SHA256.HashDataAsync(tar, Token));
    }
}
