using System.Text;
using System.Text.Json;
using CsCheck;
using Grid.Oci.Images;

namespace Grid.Oci.Tests.Images;

public sealed class ImageBuilderTests
{
    [Fact]
    public void Build_TwiceTheSame_GivesTheSameBytes()
    {
        var first = TestImages.Build();
        var second = TestImages.Build();

        second.Manifest.ToArray().ShouldBe(first.Manifest.ToArray());
        second.Config.ToArray().ShouldBe(first.Config.ToArray());
    }

    [Fact]
    public void Build_FromABase_KeepsWhatWeDoNotKnow()
    {
        const string Json = """
            {"created":"2024-05-06T07:08:09.123456789Z","architecture":"amd64","os":"linux","config":{"Env":["A=1"],"Volumes":{"/v":{}},"Labels":null},
             "rootfs":{"type":"layers","diff_ids":[]},"history":[{"created_by":"x","empty_layer":true}],"moby.buildkit.v0":{"a":[1]}}
            """;
        var image = Base(ImageDocuments.ReadConfig(Encoding.UTF8.GetBytes(Json), "test"));

        var config = JsonDocument.Parse(ImageBuilder.From(image).SetLabel("b", "2").SetLabel("a", "<1>").Build().Config).RootElement;

        config.GetProperty("moby.buildkit.v0").GetProperty("a")[0].GetInt32().ShouldBe(1);
        config.GetProperty("config").GetProperty("Volumes").GetProperty("/v").ValueKind.ShouldBe(JsonValueKind.Object);
        config.GetProperty("created").GetString().ShouldBe("2024-05-06T07:08:09.1234567Z");
        config.GetProperty("config").GetProperty("Labels").GetRawText().ShouldBe("""{"a":"<1>","b":"2"}""");
        config.GetProperty("history").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public void SetEnv_KeepsTheOrder_AndLeavesOneOfAName()
    {
        var builder = ImageBuilder.FromScratch(TestImages.Amd64);
        builder.Config = builder.Config with { Config = builder.Config.Config with { Env = ["A=1", "B=2", "A=3", "AB=4"] } };

        builder.SetEnv("A", "9").SetEnv("C", "5").SetEnv("B", null).SetEnv("AB", "");

        builder.Config.Config.Env.ShouldBe(["A=9", "AB=", "C=5"]);
        builder.GetEnv("A").ShouldBe("9");
        builder.GetEnv("X").ShouldBeNull();
    }

    [Fact]
    public void History_OfABaseThatDoesNotMatchItsLayers_IsReplacedByBlankEntries()
    {
        var blobs = new MemoryBlobs();
        var layers = new[] { TestImages.AddLayer(blobs, "a", "a"), TestImages.AddLayer(blobs, "b", "b") };
        var image = Base(new ImageConfig { Os = "linux", Architecture = "amd64", History = [new HistoryEntry { CreatedBy = "one for two" }] }, layers);

        var history = History(ImageBuilder.From(image).AddLayer(TestImages.AddLayer(blobs, "c", "c"), blobs, history: new HistoryEntry { CreatedBy = "c" }));

        history!.Select(entry => entry.CreatedBy).ShouldBe([null, null, "c"]);
    }

    [Fact]
    public void History_ThatNobodyWrote_IsNone()
    {
        var blobs = new MemoryBlobs();

        History(ImageBuilder.FromScratch(TestImages.Amd64).AddLayer(TestImages.AddLayer(blobs, "c", "c"), blobs)).ShouldBeNull();
    }

    [Fact]
    [Spec("platform/rebase.split", "platform/rebase.layers")]
    public void Rebase_TakesTheNewBase_AndTheAppsLayersWithTheirHistory()
    {
        var oldBase = TestImages.View(TestImages.Build(2, "old", builder => builder.AddEmptyHistory(new HistoryEntry { CreatedBy = "CMD old" })));
        var newBase = TestImages.View(TestImages.Build(3, "new", builder => builder.AddEmptyHistory(new HistoryEntry { CreatedBy = "CMD new" })));
        var blobs = new MemoryBlobs();
        var app = TestImages.View(ImageBuilder.From(oldBase)
            .AddLayer(TestImages.AddLayer(blobs, "app", "1"), blobs, history: new HistoryEntry { CreatedBy = "app" })
            .AddEmptyHistory(new HistoryEntry { CreatedBy = "ENV" })
            .AddLayer(TestImages.AddLayer(blobs, "launcher", "2"), blobs, history: new HistoryEntry { CreatedBy = "launcher" }).Build());

        var rebased = ImageBuilder.From(newBase).AddLayers(app, 2);
        rebased.Config = app.Config;

        History(rebased)!.Select(entry => entry.CreatedBy).ShouldBe(["layer 0", "layer 1", "layer 2", "CMD new", "app", "ENV", "launcher"]);
        rebased.Layers.Select(layer => layer.Layer).ShouldBe([.. newBase.Layers, .. app.Layers.Skip(2)]);
    }

    [Theory]
    [InlineData(MediaTypes.OciLayerGzip, MediaTypes.DockerManifest, MediaTypes.DockerLayerGzip)]
    [InlineData(MediaTypes.OciLayer, MediaTypes.DockerManifest, MediaTypes.DockerLayer)]
    [InlineData(MediaTypes.OciLayerZstd, MediaTypes.OciManifest, MediaTypes.OciLayerZstd)]
    public void Build_FromADockerBase_UsesOneFamilyOfTypes(string layerType, string manifestType, string writtenType)
    {
        var image = Base(new ImageConfig { Os = "linux", Architecture = "amd64" }) with { Manifest = new Descriptor(MediaTypes.DockerManifest, Digest.Compute("m"u8), 1) };
        var blobs = new MemoryBlobs();

        var content = ImageBuilder.From(image).AddLayer(new Layer(blobs.Add("x"u8.ToArray(), layerType), Digest.Compute("x"u8)), blobs).Build();

        content.ManifestMediaType.ShouldBe(manifestType);
        var manifest = ImageDocuments.ReadManifest(content.Manifest, "test");
        manifest.MediaType.ShouldBe(manifestType);
        manifest.Layers[0].MediaType.ShouldBe(writtenType);
        (manifest.Config.MediaType == MediaTypes.DockerConfig).ShouldBe(manifestType == MediaTypes.DockerManifest);
    }

    [Fact]
    [Spec("platform/target.config")]
    public void Build_WithoutAPlatform_IsRefused() =>
        Should.Throw<ImageFormatException>(() => ImageBuilder.FromScratch(new Platform("", "")).Build());

    [Fact]
    public void AnyLabelsAndVariables_SurviveTheJson() =>
        Gen.Select(Gen.Dictionary(Gen.String[Gen.Char['\u0020', '\u20ff'], 1, 20], Gen.String[Gen.Char['\u0001', '\u20ff'], 0, 50])[0, 8], Gen.Int[0, 5]).Sample((labels, count) =>
        {
            var blobs = new MemoryBlobs();
            var builder = ImageBuilder.FromScratch(TestImages.Amd64);
            for (var i = 0; i < count; i++)
                builder.AddLayer(new Layer(blobs.Add(BitConverter.GetBytes(i), MediaTypes.OciLayer), Digest.Compute(BitConverter.GetBytes(i))), blobs, history: new HistoryEntry());
            foreach (var (name, value) in labels)
                builder.SetLabel(name, value);
            var content = builder.Build();
            var config = ImageDocuments.ReadConfig(content.Config, "test");
            return (config.Config.Labels ?? new Dictionary<string, string>()).OrderBy(pair => pair.Key, StringComparer.Ordinal)
                    .SequenceEqual(labels.OrderBy(pair => pair.Key, StringComparer.Ordinal))
                && config.RootFs.DiffIds.Count == ImageDocuments.ReadManifest(content.Manifest, "test").Layers.Count
                && ImageDocuments.Write(config).AsSpan().SequenceEqual(content.Config.Span);
        });

    private static List<HistoryEntry>? History(ImageBuilder builder) => ImageDocuments.ReadConfig(builder.Build().Config, "test").History?.ToList();

    private static Image Base(ImageConfig config, params Layer[] layers) =>
        new(new Descriptor(MediaTypes.OciManifest, Digest.Compute("m"u8), 1), config, layers, new MemoryBlobs());
}
