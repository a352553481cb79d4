using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Contenders;

/// <summary><c>grid build</c> with an embedded silo in a process of its own, as a user runs it.</summary>
internal sealed class GridContender(Inputs inputs, string store)
{
    private readonly string _data = Path.Combine(store, "grid");
    private readonly string _builder = $"oci:{Path.Combine(store, "builder")}:bench";

    /// <summary>Makes the builder once, so that no build pays for it.</summary>
    public Task PrepareAsync(CancellationToken cancellationToken) =>
        GridAsync(["builder", "create", "--config", Path.Combine(inputs.Builder, "builder.toml"), "--output", _builder, "--data-dir", _data], cancellationToken);

    public async Task<double> VersionAsync(CancellationToken cancellationToken) =>
        (await GridAsync(["--version"], cancellationToken)).Elapsed.TotalSeconds;

    /// <summary>Builds with the benchmark's data directory. When cold every step runs; the base images' layers are there, as for the peers.</summary>
    public Task<GridRun> BuildAsync(Workload workload, bool cold, CancellationToken cancellationToken) =>
        BuildAsync(workload, cold, _data, cancellationToken);

    /// <summary>Builds with an empty data directory: base images are read and unpacked too.</summary>
    public async Task<GridRun> FirstBuildAsync(Workload workload, CancellationToken cancellationToken)
    {
        var data = Path.Combine(store, "grid-first");
        var run = await BuildAsync(workload, cold: false, data, cancellationToken);
        Directory.Delete(data, recursive: true);
        return run;
    }

    private async Task<GridRun> BuildAsync(Workload workload, bool cold, string data, CancellationToken cancellationToken)
    {
        var output = Path.Combine(store, "images", workload.Name);
        var result = await GridAsync(
            [
                "build", inputs.AppFor(workload), "--builder", _builder, "--image", $"bench/{workload.Name}", "--output", $"oci:{output}:latest", "--json", "--data-dir", data,
                .. cold ? ["--refresh-extensions"] : Array.Empty<string>(),
            ], cancellationToken);
        var run = GridRun.Read(result);
        if (cold && run.StepsCached > 0)
            throw new BenchmarkException($"grid took {run.StepsCached} steps from the cache in a cold run of {workload.Name}");
        return run;
    }

    private Task<ToolResult> GridAsync(IEnumerable<string> arguments, CancellationToken cancellationToken) =>
        Tool.RunAsync(inputs.Executable, arguments, cancellationToken);
}
