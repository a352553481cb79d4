using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Contenders;

/// <summary><c>grid build</c> as a user runs it on one machine: the process starts a silo and ends with the build.</summary>
internal sealed class EmbeddedGrid : IGridBuilds
{
    private readonly string _executable, _store, _data, _builder;

    private EmbeddedGrid(string executable, string store)
    {
        (_executable, _store) = (executable, store);
        _data = Path.Combine(store, "grid");
        _builder = $"oci:{Path.Combine(store, "builder")}:bench";
    }

    /// <summary>Makes the builder once, so that no build pays for it.</summary>
    public static async Task<EmbeddedGrid> PrepareAsync(Inputs inputs, string store, CancellationToken cancellationToken)
    {
        var grid = new EmbeddedGrid(inputs.Executable, store);
        var config = inputs.WriteBuilder("builder", $"oci:{inputs.BaseLayout}:build", $"oci:{inputs.BaseLayout}:run");
        await grid.RunAsync(["builder", "create", "--config", config, "--output", grid._builder, "--data-dir", grid._data], cancellationToken);
        return grid;
    }

    public Task<ToolResult> RunAsync(Workload workload, string app, bool refresh, CancellationToken cancellationToken) =>
        RunAsync(
            [
                "build", app, "--builder", _builder, "--image", $"bench/{workload.Name}", "--output", $"oci:{Path.Combine(_store, "images", workload.Name)}:latest", "--json",
                "--data-dir", _data, .. refresh ? ["--refresh-extensions"] : Array.Empty<string>(),
            ], cancellationToken);

    private Task<ToolResult> RunAsync(IEnumerable<string> arguments, CancellationToken cancellationToken) => Tool.RunAsync(_executable, arguments, cancellationToken);
}
