using Grid.Lifecycle.Export;
using Grid.Lifecycle.Rebase;
using Grid.Lifecycle.Tests.Build;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Registry;
using Grid.Oci.Tests.Images;
using Grid.Oci.Tests.Registry;

namespace Grid.Lifecycle.Tests.Rebase;

/// <summary>A rebase in one real registry moves names, not bytes.</summary>
public sealed class RebaseInRegistryTests
{
    [Fact]
    [Spec("platform/rebase.label.reference", "platform/rebase.every-tag")]
    public async Task Rebase_MountsTheNewBasesLayersAndSendsNone()
    {
        await using var registry = await RegistryProcess.StartAsync();
        using var images = new RegistryImageStore(new RegistryOptions(), new AnonymousCredentials());
        var watched = new WatchedStore(images);
        var sample = new RebaseSample(new ImageStores([watched]), name => registry.Image(name));
        await sample.AppAsync();
        var now = await sample.BaseAsync(RebaseSample.Mirror, 3);
        watched.Reports.Clear();

        var report = await Rebaser.RebaseAsync(
            sample.Images,
            new RebaseInput
            {
                PlatformApi = "0.13",
                App = sample.At(RebaseSample.App),
                Targets = [new ExportTarget("a", sample.At(RebaseSample.App)), new ExportTarget("b", sample.At("app/web:2"))],
                RunImage = ExportTarget.Of(sample.At(RebaseSample.Mirror)),
                Platform = TestImages.Amd64,
            },
            new CapturedLog(),
            TestContext.Current.CancellationToken);

        report.Errors.ShouldBeEmpty();
        var layers = now.Layers.Select(layer => layer.Blob.Digest).ToHashSet();
        watched.Reports.Where(one => one.Step == PushStep.Mounted).Select(one => one.Blob.Digest).ShouldBe(layers, ignoreOrder: true);
        watched.Reports.Where(one => one.Step == PushStep.Sent).ShouldAllBe(one => one.Blob.MediaType == MediaTypes.OciConfig);
        var label = (await sample.ReadAsync("app/web:2")).Config.Config.Labels!["io.buildpacks.lifecycle.metadata"];
        label.ShouldContain($"\"reference\":\"{registry.Host}/base/mirror@{now.Manifest.Digest}\"");
    }

    /// <summary>A store that notes how each blob got to where it is wanted.</summary>
    private sealed class WatchedStore(IImageStore store) : IImageStore
    {
        public List<PushProgress> Reports { get; } = [];

        public bool Handles(ImageLocation location) => store.Handles(location);

        public Task<Image?> FindAsync(ImageLocation location, Platform platform, CancellationToken cancellationToken) => store.FindAsync(location, platform, cancellationToken);

        public Task CheckWriteAsync(ImageLocation location, CancellationToken cancellationToken) => store.CheckWriteAsync(location, cancellationToken);

        public async Task<ImageLocation> PushAsync(ImageContent image, ImageLocation target, IProgress<PushProgress>? progress, CancellationToken cancellationToken)
        {
            var reports = new Reports();
            var pinned = await store.PushAsync(image, target, reports, cancellationToken);
            Reports.AddRange(reports.All.Where(report => report.Step != PushStep.Sending));
            return pinned;
        }
    }
}
