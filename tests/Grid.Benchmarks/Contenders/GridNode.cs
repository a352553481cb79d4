using System.Diagnostics;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Contenders;

/// <summary>A node that is up (<c>grid serve</c>), as the other engines' daemons are, and <c>grid build --server</c>. Images go to a registry.</summary>
internal sealed class GridNode : IGridBuilds, IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);
    private readonly string _executable;
    private readonly Process _process;
    private readonly RegistryServer _registry;
    private readonly Dictionary<string, string> _context = [];

    private GridNode(string executable, Process process, RegistryServer registry) => (_executable, _process, _registry) = (executable, process, registry);

    private string Builder => $"{_registry.Host}/benchmark/builder:1";

    public static async Task<GridNode> StartAsync(Inputs inputs, string store, CancellationToken cancellationToken)
    {
        var data = Directory.CreateDirectory(Path.Combine(store, "grid-node")).FullName;
        var registry = await RegistryServer.StartAsync(Path.Combine(store, "grid-registry"), cancellationToken);
        var port = RegistryServer.FreePort();
        var key = Path.Combine(data, "operator-key");
        string[] arguments =
        [
            "-c", "exec \"$@\" >\"$0\" 2>&1", Path.Combine(data, "log"), inputs.Executable, "serve", "--data-dir", data, "--api-operator-key-file", key, "--listen-http-port", $"{port}",
            "--listen-silo-port", "0", "--listen-gateway-port", "0", "--private-host", "127.0.0.1",
        ];
        var node = new GridNode(inputs.Executable, Tool.Start(new ProcessStartInfo("sh", arguments)), registry);
        try
        {
            await node.WaitAsync($"http://127.0.0.1:{port}", Path.Combine(data, "log"), cancellationToken);
            node._context["GRID_SERVER"] = $"http://127.0.0.1:{port}";
            node._context["GRID_TOKEN"] = (await File.ReadAllTextAsync(key, cancellationToken)).Trim();
            await node.PushBuilderAsync(inputs, store, cancellationToken);
            return node;
        }
        catch
        {
            await node.DisposeAsync();
            throw;
        }
    }

    public Task<ToolResult> RunAsync(Workload workload, string app, bool refresh, CancellationToken cancellationToken) =>
        Tool.RunAsync(_executable,
            [
                "build", app, "--builder", Builder, "--image", $"{_registry.Host}/benchmark/{workload.Name}:1", "--json",
                .. refresh ? ["--refresh-extensions"] : Array.Empty<string>(),
            ], _context, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
            await Tool.RunAsync("kill", ["-TERM", _process.Id.ToString()], CancellationToken.None);
        await _process.WaitForExitAsync(CancellationToken.None);
        _process.Dispose();
        await _registry.DisposeAsync();
    }

    private async Task PushBuilderAsync(Inputs inputs, string store, CancellationToken cancellationToken)
    {
        foreach (var kind in new[] { "build", "run" })
            await Tool.RunAsync("skopeo", ["copy", "-q", "--insecure-policy", "--dest-tls-verify=false", $"oci:{inputs.BaseLayout}:{kind}", $"docker://{Base(kind)}"], cancellationToken);
        var config = inputs.WriteBuilder("builder-of-node", Base("build"), Base("run"));
        await Tool.RunAsync(_executable, ["builder", "create", "--config", config, "--output", Builder, "--data-dir", Path.Combine(store, "grid-node-builder")], cancellationToken);
    }

    private string Base(string kind) => $"{_registry.Host}/benchmark/base:{kind}";

    private async Task WaitAsync(string address, string log, CancellationToken cancellationToken)
    {
        using var client = new HttpClient();
        var clock = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                using var answer = await client.GetAsync(new Uri(address + "/health/ready"), cancellationToken);
                if (answer.IsSuccessStatusCode)
                    return;
            }
            catch (HttpRequestException) when (!_process.HasExited)
            {
                // It does not listen yet.
            }
            if (_process.HasExited || Stopwatch.GetElapsedTime(clock) > Patience)
                throw new BenchmarkException($"grid serve does not start (leave it out with --without node):\n{await File.ReadAllTextAsync(log, cancellationToken)}");
            await Task.Delay(50, cancellationToken);
        }
    }
}
