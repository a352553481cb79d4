using System.Diagnostics;
using System.Net.Http.Json;
using System.Text.Json;
using Grid.EndToEnd.Tests.Fixtures;
using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests;

/// <summary>What a grid keeps of a build, and what a client sees of it, when nodes go: processes with Redis and Azurite between them, real sandboxes, kill -9.</summary>
public sealed class OutlivedNodeTests(TestMachine machine, TestServers servers)
{
    [Fact]
    public async Task Kill_OfTheServerThatIsWatchedAndThenOfTheWorker_LosesNeitherTheClientNorTheLogNorTheSteps()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        await registry.PushAsync(bench.Images.Run, "base/run:1");
        bench.Builder.RunImage = $"{registry.Host}/base/run:1";
        // It holds until the test lets it go.
        bench.Builder.Buildpack("test/app", BuilderDirectory.WebProcess + "\necho before the loss\ntouch \"$CNB_LAYERS_DIR/holds\"\nwhile [ ! -e \"$CNB_LAYERS_DIR/go\" ]; do sleep 0.1; done\necho after the loss")
            .Dockerfiles("test/both", BuilderDirectory.AsRoot("RUN echo build says hello >&2; echo build >/extended"), BuilderDirectory.AsRoot("RUN echo run >/extended"));
        var builder = $"{registry.Host}/builders/tiny:1";
        (await bench.GridAsync("builder", "create", "--config", Path.Combine(bench.Builder.Write(), "builder.toml"), "--output", builder)).ExitCode.ShouldBe(0);
        var id = Guid.NewGuid().ToString("n")[..8];
        foreach (var (name, value) in new Dictionary<string, string?>
        {
            ["GRID_CLUSTER_MEMBERSHIP"] = "redis", ["GRID_REDIS_CONNECTION"] = await servers.RedisAsync(), ["GRID_AZURE_CONNECTION"] = await servers.AzureAsync(), ["GRID_STATE_STORAGE"] = "azure",
            ["GRID_CONTENT_SHARED"] = "azure", ["GRID_EVENTS_STORAGE"] = "azure", ["GRID_CLUSTER_ID"] = id, ["GRID_CLUSTER_SERVICE"] = id,
            ["XDG_CONFIG_HOME"] = Path.Combine(bench.Root, "config"), ["GRID_SERVER"] = null,
        })
            bench.Environment[name] = value;
        var nodes = new List<Process>();
        try
        {
            var (first, watched) = await StartAsync("first", "control", "api");
            var (_, other) = await StartAsync("second", "control", "api");
            var (worker, _) = await StartAsync("worker", "worker");
            (await bench.GridAsync("login", $"{watched},{other}", "--key-file", Path.Combine(bench.Root, "operator-key"))).ExitCode.ShouldBe(0);

            var running = bench.Start("build", bench.App, "--builder", builder, "--image", $"{registry.Host}/apps/hello:1", "--json");
            await LetGoAsync("worker", async () =>
            {
                await KillAsync(first);
                await SeesAsync(other, "second", "worker");
            });
            var run = (await BuildRun.OfAsync(running)).ShouldSucceed();
            run.Log.ShouldContain("before the loss");
            run.Log.ShouldContain("after the loss");
            run.Events.Select(e => e.GetRawText()).ShouldBeUnique();

            await KillAsync(worker);
            await SeesAsync(other, "second");
            var listed = JsonSerializer.Deserialize<JsonElement[]>((await bench.GridAsync("builds", "--json")).Output)!.ShouldHaveSingleItem();
            var read = BuildRun.Parse(await bench.GridAsync("logs", listed.GetProperty("id").GetString()!, "--json"));
            read.Events.Select(e => e.GetRawText()).ShouldBe(run.Events.Select(e => e.GetRawText()));

            // What the steps made is there too.
            await StartAsync("fresh", "worker");
            var again = bench.Start("build", bench.App, "--builder", builder, "--image", $"{registry.Host}/apps/again:1", "--json");
            await LetGoAsync("fresh", () => Task.CompletedTask);
            var second = (await BuildRun.OfAsync(again)).ShouldSucceed();
            second.Digest.ShouldBe(run.Digest);
            second.Steps().ShouldAllBe(s => s.EndsWith(" Cached", StringComparison.Ordinal) || s.EndsWith(" Restored", StringComparison.Ordinal));
        }
        finally
        {
            foreach (var node in nodes)
            {
                if (!node.HasExited)
                    node.Kill(entireProcessTree: true);
                node.Dispose();
            }
        }

        async Task<(Process Process, string Address)> StartAsync(string name, params string[] roles)
        {
            var node = bench.Start(["serve", .. roles.SelectMany(r => new[] { "--role", r }), "--node-name", name, "--data-dir", Path.Combine(bench.Root, name), "--listen-http-port", "0",
                "--listen-silo-port", "0", "--listen-gateway-port", "0", "--api-operator-key-file", Path.Combine(bench.Root, "operator-key")]);
            nodes.Add(node);
            // Read, so that it never waits for a reader.
            node.ErrorDataReceived += (_, _) => { };
            node.BeginErrorReadLine();
            return (node, await ServeTests.AddressAsync(node));
        }

        // Waits until the buildpack holds on a node, does something meanwhile, and has it go on.
        async Task LetGoAsync(string node, Func<Task> meanwhile)
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
            string? layers;
            while ((layers = Held(Path.Combine(bench.Root, node, "builds"))) is null)
                await Task.Delay(50, patience.Token);
            await meanwhile();
            await File.WriteAllTextAsync(Path.Combine(layers, "go"), "", patience.Token);
        }
    }

    /// <summary>The layers directory in which a buildpack holds.</summary>
    private static string? Held(string builds) => Directory.Exists(builds) ? Directory.EnumerateDirectories(builds).Select(b => Path.Combine(b, "layers", "test_app")).FirstOrDefault(l => File.Exists(Path.Combine(l, "holds"))) : null;

    /// <summary>Waits until a node knows exactly these as alive.</summary>
    private static async Task SeesAsync(string address, params string[] names)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        using var http = new HttpClient();
        while (!(await http.GetFromJsonAsync<JsonElement>(new Uri($"{address}/health/ready"), patience.Token)).GetProperty("silos").EnumerateArray().Select(s => s.GetString()).Order().SequenceEqual(names))
            await Task.Delay(100, patience.Token);
    }

    private static async Task KillAsync(Process node)
    {
        node.Kill();
        await node.WaitForExitAsync(TestContext.Current.CancellationToken);
    }
}
