using Grid.Benchmarks.Workspace;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Registry;

namespace Grid.Benchmarks.Lifecycle;

/// <summary>What a builder leaves: one launch layer, large or of many files.</summary>
internal sealed class ExportWorkload
{
    public const long LargeBytes = 100_000_000;
    public const int SmallFiles = 20_000;
    public const int SmallBytes = 1_000;
    private const int Directories = 200;

    private readonly string _grid;
    private readonly string _directory;
    private readonly string _host;
    private int _run;

    private ExportWorkload(string grid, string directory, string host) => (_grid, _directory, _host) = (grid, directory, host);

    public static async Task<ExportWorkload> PrepareAsync(string grid, string work, string host, CancellationToken cancellationToken)
    {
        var workload = new ExportWorkload(grid, Path.Combine(work, "export"), host);
        using var store = new RegistryImageStore(new RegistryOptions(), new AnonymousCredentials());
        var run = ImageBuilder.FromScratch(new Platform("linux", "amd64")).AddLayer(TinyLayer.Make("run"), TinyLayer.Blobs).Build();
        await store.PushAsync(run, ImageLocation.Parse($"{host}/base/run:1"), null, cancellationToken);
        foreach (var large in new[] { true, false })
            workload.Write(large, run.Digest);
        return workload;
    }

    /// <summary>The exporter, into a repository of its own, with a layer that the registry does not have.</summary>
    /// <param name="large">Which layer.</param>
    /// <param name="again">The last one again, with the image it made as the previous one.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public async Task<double> GridAsync(bool large, bool again, CancellationToken cancellationToken)
    {
        if (!again)
            Renew(large);
        var layers = Layers(large);
        var name = $"{_host}/apps/{(large ? "large" : "small")}{_run}:1";
        var analyzed = Path.Combine(layers, "analyzed.toml");
        var text = await File.ReadAllTextAsync(analyzed, cancellationToken);
        if (again)
            await AnalyzeAsync(layers, name, cancellationToken);
        var result = await Tool.RunAsync(
            _grid,
            ["lifecycle", "exporter", "-layers", layers, "-app", Path.Combine(_directory, "app"), "-launcher", "/bin/true", "-uid", "1001", "-gid", "1001", name],
            Variables,
            cancellationToken);
        await File.WriteAllTextAsync(analyzed, text, cancellationToken);
        return result.Elapsed.TotalSeconds;
    }

    /// <summary>Other tools for the same: a layer into an image by umoci, the image into the registry by skopeo.</summary>
    public async Task<double> ToolsAsync(bool large, CancellationToken cancellationToken)
    {
        Renew(large);
        var layout = Path.Combine(_directory, "umoci");
        if (Directory.Exists(layout))
            Directory.Delete(layout, recursive: true);
        var first = await Tool.RunAsync("sh", ["-c", $"umoci init --layout {layout} && umoci new --image {layout}:app && umoci insert --image {layout}:app {Layer(large)} /layers/bench_b/l"], cancellationToken);
        var second = await Tool.RunAsync("skopeo", ["copy", "--dest-tls-verify=false", $"oci:{layout}:app", $"docker://{_host}/tools/{(large ? "large" : "small")}{_run}:1"], cancellationToken);
        return (first.Elapsed + second.Elapsed).TotalSeconds;
    }

    /// <summary>What has to be computed at least, on one core.</summary>
    public async Task<double> PipeAsync(bool large, CancellationToken cancellationToken) =>
        (await Tool.RunAsync("sh", ["-c", $"tar --sort=name -C {Layer(large)} -c . | gzip -6 | sha256sum"], cancellationToken)).Elapsed.TotalSeconds;

    private static Dictionary<string, string> Variables => new() { ["CNB_PLATFORM_API"] = "0.13", ["DOTNET_TieredPGO"] = "0" };

    private string Layers(bool large) => Path.Combine(_directory, large ? "large" : "small");

    private string Layer(bool large) => Path.Combine(Layers(large), "bench_b", "l");

    // Another layer each time: skopeo knows where a registry has a blob, from earlier runs, and does not send it again.
    private void Renew(bool large) => File.WriteAllText(Path.Combine(Layer(large), "run"), $"{++_run} {Guid.NewGuid()}");

    private Task AnalyzeAsync(string layers, string name, CancellationToken cancellationToken) =>
        Tool.RunAsync(_grid, ["lifecycle", "analyzer", "-layers", layers, "-run-image", $"{_host}/base/run:1", name], Variables, cancellationToken);

    private void Write(bool large, Digest run)
    {
        var layers = Layers(large);
        Directory.CreateDirectory(Path.Combine(layers, "config"));
        Directory.CreateDirectory(Path.Combine(_directory, "app"));
        File.WriteAllText(Path.Combine(layers, "config/metadata.toml"), "[[buildpacks]]\n  id = \"bench/b\"\n  version = \"1\"\n  api = \"0.10\"\n");
        File.WriteAllText(Path.Combine(layers, "group.toml"), "[[group]]\n  id = \"bench/b\"\n  version = \"1\"\n  api = \"0.10\"\n");
        File.WriteAllText(Path.Combine(layers, "analyzed.toml"), $"[run-image]\n  reference = \"{_host}/base/run@{run}\"\n  image = \"{_host}/base/run:1\"\n");
        Directory.CreateDirectory(Layer(large));
        File.WriteAllText(Path.Combine(layers, "bench_b/l.toml"), "[types]\nlaunch = true\n");
        var random = new Random(1);
        if (large)
        {
            for (var file = 0; file < 10; file++)
                File.WriteAllBytes(Path.Combine(Layer(large), $"file{file}"), SyntheticContent.Make(random, (int)(LargeBytes / 10), isCompressed: file % 2 == 0));
            return;
        }
        for (var file = 0; file < SmallFiles; file++)
        {
            var directory = Path.Combine(Layer(large), $"d{file % Directories}");
            Directory.CreateDirectory(directory);
            File.WriteAllBytes(Path.Combine(directory, $"f{file}"), SyntheticContent.Make(random, SmallBytes, isCompressed: file % 2 == 0));
        }
    }
}
