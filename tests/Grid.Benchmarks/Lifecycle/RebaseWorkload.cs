using System.Diagnostics;
using Grid.Benchmarks.Workspace;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Rebase;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Registry;

namespace Grid.Benchmarks.Lifecycle;

/// <summary>Apps on one run image, each in a repository of its own, and a newer run image.</summary>
internal sealed class RebaseWorkload : IPhaseLog, IDisposable
{
    public const int AtOnce = 8;
    private const int OneByOne = 50;
    private static readonly Platform Platform = new("linux", "amd64");

    private readonly string _host;
    private readonly string _grid;
    private readonly RegistryImageStore _store = new(new RegistryOptions(), new AnonymousCredentials());
    private readonly ImageStores _images;
    private int _turn;

    private RebaseWorkload(string host, int count, string grid)
    {
        (_host, Count, _grid) = (host, count, grid);
        _images = new ImageStores([_store]);
    }

    public int Count { get; }

    public static async Task<RebaseWorkload> PrepareAsync(string host, int count, string grid, CancellationToken cancellationToken)
    {
        var workload = new RebaseWorkload(host, count, grid);
        await workload.PushAsync(cancellationToken);
        return workload;
    }

    /// <summary>Seconds for all images in this process, several at once. The bases take turns, so each rebase has something to do.</summary>
    public async Task<double> AllAsync(CancellationToken cancellationToken)
    {
        var run = NextBase();
        var clock = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(
            Enumerable.Range(0, Count), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, async (app, token) => await RebaseAsync(app, run, token));
        return Stopwatch.GetElapsedTime(clock).TotalSeconds;
    }

    /// <summary>Seconds for one image when they are rebased one after the other.</summary>
    public async Task<double> EachAsync(CancellationToken cancellationToken)
    {
        var run = NextBase();
        var count = Math.Min(OneByOne, Count);
        var clock = Stopwatch.GetTimestamp();
        for (var app = 0; app < count; app++)
            await RebaseAsync(app, run, cancellationToken);
        return Stopwatch.GetElapsedTime(clock).TotalSeconds / count;
    }

    /// <summary>Seconds for <c>grid rebase</c> of one image.</summary>
    public async Task<double> ProcessAsync(CancellationToken cancellationToken) =>
        (await Tool.RunAsync(_grid, ["rebase", Name(0), "--run-image", $"{_host}/base/{NextBase()}"], cancellationToken)).Elapsed.TotalSeconds;

    public void Log(PhaseLogLevel level, string line)
    {
        // Whether it worked is in the report.
    }

    public void Write(ReadOnlySpan<byte> bytes, bool isError)
    {
        // A rebase runs no programs.
    }

    public void Dispose() => _store.Dispose();

    private string NextBase() => _turn++ % 2 == 0 ? "next:1" : "rebase-run:1";

    private string Name(int app) => $"{_host}/rebase/app{app}:1";

    private async Task RebaseAsync(int app, string run, CancellationToken cancellationToken)
    {
        var target = ExportTarget.Of(ImageLocation.Parse(Name(app)));
        var report = await Rebaser.RebaseAsync(
            _images,
            new RebaseInput { PlatformApi = "0.13", App = target.Location, Targets = [target], RunImage = ExportTarget.Of(ImageLocation.Parse($"{_host}/base/{run}")), Platform = Platform },
            this,
            cancellationToken);
        report.EnsureComplete();
    }

    private async Task PushAsync(CancellationToken cancellationToken)
    {
        var bases = new Dictionary<string, ImageContent>();
        foreach (var name in (string[])["rebase-run:1", "next:1"])
        {
            bases[name] = ImageBuilder.FromScratch(Platform).AddLayer(TinyLayer.Make("bottom"), TinyLayer.Blobs).AddLayer(TinyLayer.Make(name), TinyLayer.Blobs).Build();
            await _images.PushAsync(bases[name], ImageLocation.Parse($"{_host}/base/{name}"), null, cancellationToken);
        }
        var run = bases["rebase-run:1"];
        var label = new LifecycleMetadata
        {
            RunImage = new RunImageMetadata { TopLayer = run.Layers[^1].Layer.DiffId.ToString(), Image = $"{_host}/base/rebase-run:1", Mirrors = [$"{_host}/base/next:1"] },
        };
        await Parallel.ForEachAsync(Enumerable.Range(0, Count), cancellationToken, async (app, token) =>
        {
            var builder = ImageBuilder.FromScratch(Platform);
            foreach (var layer in run.Layers)
                builder.AddLayer(layer.Layer, layer.Blobs, ImageLocation.Parse($"{_host}/base/rebase-run:1"));
            builder.AddLayer(TinyLayer.Make($"app {app}"), TinyLayer.Blobs).SetEnv("CNB_PLATFORM_API", "0.13").SetLabel(LifecycleMetadata.Label, label.ToLabel());
            await _images.PushAsync(builder.Build(), ImageLocation.Parse(Name(app)), null, token);
        });
    }
}
