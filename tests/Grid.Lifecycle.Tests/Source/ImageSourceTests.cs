using Grid.Buildpacks;
using Grid.Lifecycle.Source;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Tests.Images;
using Grid.Sandbox;

namespace Grid.Lifecycle.Tests.Source;

/// <summary>Source that is the files of an image.</summary>
public sealed class ImageSourceTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-image-source-").FullName;
    private readonly MemoryBlobs _blobs = new();
    private readonly ContentStore _store;

    public ImageSourceTests() => _store = new ContentStore(_directory);

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<PackedSource> FetchAsync(string path, params (string Path, string Content)[] layers)
    {
        var builder = ImageBuilder.FromScratch(TestImages.Amd64);
        foreach (var (file, content) in layers)
            builder.AddLayer(TestImages.AddLayer(_blobs, file, content), _blobs);
        var images = new ImageStores([new OneImage(TestImages.View(builder.Build()))]);
        return await new ImageSource(_store, images).FetchAsync(ImageLocation.Parse("registry.example/source:1"), path, new NoLog(), Stop);
    }

    private Dictionary<string, string> Files(PackedSource source)
    {
        var files = new Dictionary<string, string>();
        SourceArchive.Read(_store, source.Archive, new LayerLimits(), (entry, content) =>
        {
            using var reader = new StreamReader(content, leaveOpen: true);
            files[entry.Path.TrimEnd('/')] = reader.ReadToEnd();
        }, Stop);
        return files;
    }

    [Fact]
    public async Task Fetch_Layers_LieOneAboveTheOther()
    {
        var source = await FetchAsync("", ("a", "below"), ("b", "gone"), ("a", "above"), (".wh.b", ""), ("d/c", "c"));

        Files(source).ShouldBe(new Dictionary<string, string> { ["a"] = "above", ["d"] = "", ["d/c"] = "c" }, ignoreOrder: true);
        source.ProjectMetadata.ShouldContain("type = \"image\"");
        source.ProjectMetadata.ShouldContain("digest = \"sha256:");
    }

    [Fact]
    public async Task Fetch_ADirectory_GivesWhatIsInIt()
    {
        Files(await FetchAsync("apps/web", ("apps/web/a", "a"), ("b", "b"))).Keys.ShouldBe(["a"]);
        (await Should.ThrowAsync<LifecycleException>(() => FetchAsync("missing", ("b", "b")))).Message.ShouldContain("missing");
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData("/../outside")]
    public async Task Fetch_AnEntryThatLeadsOut_IsRefused(string path)
    {
        (await Should.ThrowAsync<LifecycleException>(() => FetchAsync("", (path, "x")))).ExitCode.ShouldBe(ExitCode.InvalidArgs);
    }

    [Fact]
    public async Task Fetch_AnImageThatIsNot_NamesIt()
    {
        var images = new ImageStores([new OneImage(null)]);
        (await Should.ThrowAsync<LifecycleException>(() => new ImageSource(_store, images).FetchAsync(ImageLocation.Parse("registry.example/source:1"), "", new NoLog(), Stop))).Message.ShouldContain("registry.example/source:1");
    }

    private sealed class OneImage(Image? image) : IImageStore
    {
        public bool Handles(ImageLocation location) => true;

        public Task<Image?> FindAsync(ImageLocation location, Platform platform, CancellationToken cancellationToken) => Task.FromResult(image);

        public Task CheckWriteAsync(ImageLocation location, CancellationToken cancellationToken) => throw new NotSupportedException();

        public Task<ImageLocation> PushAsync(ImageContent content, ImageLocation target, IProgress<PushProgress>? progress, CancellationToken cancellationToken) => throw new NotSupportedException();
    }

    private sealed class NoLog : IPhaseLog
    {
        public void Log(PhaseLogLevel level, string line)
        {
        }

        public void Write(ReadOnlySpan<byte> bytes, bool isError)
        {
        }
    }
}
