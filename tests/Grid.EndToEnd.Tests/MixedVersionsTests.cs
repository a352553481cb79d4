using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Grid.EndToEnd.Tests.Fixtures;
using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests;

/// <summary>
/// A rolling upgrade: three nodes of an earlier build of Grid, replaced one after the other by a later one while builds come in at both. Run by
/// <c>tests/mixed-versions.sh</c>, which makes the builds and names their executables in <c>GRID_EARLIER_BUILD</c> and <c>GRID_LATER_BUILD</c> (default: this build).
/// </summary>
public sealed class MixedVersionsTests(TestMachine machine, TestServers servers, ITestOutputHelper output)
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(5) };
    private readonly string _earlier = Environment.GetEnvironmentVariable("GRID_EARLIER_BUILD") ?? "";
    private readonly string _later = Environment.GetEnvironmentVariable("GRID_LATER_BUILD") is { Length: > 0 } later ? later : TestMachine.Executable;
    private readonly string _id = Guid.NewGuid().ToString("n")[..8];
    private Workbench _bench = null!;
    private string _registry = "";
    private int _builds;

    [Fact]
    public async Task Nodes_are_upgraded_one_by_one_and_no_build_fails()
    {
        Assert.SkipWhen(_earlier.Length == 0, "runs by tests/mixed-versions.sh");
        _bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(_bench.Root, "registry"));
        _registry = registry.Host;
        await registry.PushAsync(_bench.Images.Run, "base/run:1");
        _bench.Builder.RunImage = $"{_registry}/base/run:1";
        // Long enough to be under way while a node is replaced.
        _bench.Builder.Buildpack("test/app", BuilderDirectory.WebProcess + "\nsleep 3").Dockerfiles("test/both",
            BuilderDirectory.AsRoot("RUN echo build >/extended"), BuilderDirectory.AsRoot("RUN echo run >/extended"));
        (await _bench.GridAsync("builder", "create", "--config", Path.Combine(_bench.Builder.Write(), "builder.toml"), "--output", $"{_registry}/builders/tiny:1")).ExitCode.ShouldBe(0);
        _bench.Environment["GRID_SERVER"] = null;
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["GRID_CLUSTER_MEMBERSHIP"] = "redis", ["GRID_REDIS_CONNECTION"] = await servers.RedisAsync(), ["GRID_AZURE_CONNECTION"] = await servers.AzureAsync(), ["GRID_STATE_STORAGE"] = "azure",
            ["GRID_CONTENT_SHARED"] = "azure", ["GRID_EVENTS_STORAGE"] = "azure", ["GRID_CLUSTER_ID"] = _id, ["GRID_CLUSTER_SERVICE"] = _id,
        })
            _bench.Environment[name] = value;

        var nodes = new Dictionary<string, Node>();
        try
        {
            foreach (var name in new[] { "a", "b", "c" })
                nodes[name] = await StartAsync(name, _earlier);
            await SeeAsync(nodes.Values);
            await BuildAsync(nodes["a"]);
            foreach (var name in new[] { "c", "b", "a" })
            {
                var others = nodes.Values.Where(n => n.Name != name).ToList();
                var underWay = others.Select(BuildAsync).ToList();
                (await StopAsync(nodes[name])).ShouldBe(0, $"{name} of the earlier build, at its stop");
                nodes[name] = await StartAsync(name, _later);
                await SeeAsync(nodes.Values);
                output.WriteLine($"{name} is upgraded");
                await Task.WhenAll([.. underWay, .. nodes.Values.Select(BuildAsync)]);
            }

            var listed = JsonSerializer.Deserialize<JsonElement[]>((await GridAsync(nodes["b"], "builds", "--json")).Output)!;
            listed.Length.ShouldBe(_builds);
            listed.ShouldAllBe(b => b.GetProperty("digest").GetString()!.StartsWith("sha256:", StringComparison.Ordinal));
            // What the earlier build has written before any node was upgraded.
            var log = await GridAsync(nodes["c"], "logs", listed.Single(b => b.GetProperty("image").GetString()!.Contains("/apps/app1:", StringComparison.Ordinal)).GetProperty("id").GetString()!);
            log.Output.ShouldContain("RUN echo build");
            foreach (var node in nodes.Values)
                (await StopAsync(node)).ShouldBe(0, node.Name);
            output.WriteLine($"{_builds} builds succeeded");
        }
        finally
        {
            foreach (var node in nodes.Values.Where(n => !n.Process.HasExited))
                node.Process.Kill(entireProcessTree: true);
        }
    }

    /// <summary>A node: the executable it runs, and where it is.</summary>
    private sealed record Node(string Name, string Executable, Process Process, string Address, string Config);

    private async Task<Node> StartAsync(string name, string executable)
    {
        var process = Start(executable, null, "serve", "--node-name", name, "--data-dir", Path.Combine(_bench.Root, "node-" + name), "--listen-http-port", "0", "--listen-silo-port", "0",
            "--listen-gateway-port", "0", "--api-operator-key-file", Path.Combine(_bench.Root, "operator-key"));
        _ = ShowAsync(name, process.StandardError);
        var address = await ServeTests.AddressAsync(process);
        var node = new Node(name, executable, process, address, Path.Combine(_bench.Root, $"config-{name}-{process.Id}"));
        (await GridAsync(node, "login", address, "--key-file", Path.Combine(_bench.Root, "operator-key"))).ExitCode.ShouldBe(0);
        return node;
    }

    /// <summary>Waits until each of the nodes knows all of them.</summary>
    private static async Task SeeAsync(IReadOnlyCollection<Node> nodes)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(5));
        foreach (var node in nodes)
        {
            while ((await Http.GetFromJsonAsync<JsonElement>(new Uri($"{node.Address}/health/ready"), patience.Token)).GetProperty("silos").GetArrayLength() != nodes.Count)
                await Task.Delay(100, patience.Token);
        }
    }

    /// <summary>Builds another app through a node, with the client of the node's own build.</summary>
    private async Task<BuildRun> BuildAsync(Node node)
    {
        var number = Interlocked.Increment(ref _builds);
        using var process = Start(node.Executable, node.Config, "build", _bench.App, "--builder", $"{_registry}/builders/tiny:1", "--image", $"{_registry}/apps/app{number}:1", "--json");
        return BuildRun.Parse(await Tool.EndAsync(process)).ShouldSucceed();
    }

    private async Task<ToolResult> GridAsync(Node node, params string[] arguments)
    {
        using var process = Start(node.Executable, node.Config, arguments);
        var result = await Tool.EndAsync(process);
        result.ExitCode.ShouldBe(0, result.ToString());
        return result;
    }

    private Process Start(string executable, string? config, params string[] arguments) => Tool.Start(executable, arguments, new Dictionary<string, string?>(_bench.Environment)
    {
        ["GRID_LAUNCHER"] = machine.Launcher, ["XDG_CONFIG_HOME"] = config,
    });

    private static async Task<int> StopAsync(Node node)
    {
        using (Process.Start("kill", ["-TERM", $"{node.Process.Id}"]))
            await node.Process.WaitForExitAsync(TestContext.Current.CancellationToken).WaitAsync(TimeSpan.FromMinutes(2), TestContext.Current.CancellationToken);
        return node.Process.ExitCode;
    }

    private async Task ShowAsync(string name, StreamReader stream)
    {
        while (await stream.ReadLineAsync() is { } line)
            output.WriteLine($"{name}: {line}");
    }
}
