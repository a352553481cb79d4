using System.Diagnostics;
using Grid.EndToEnd.Tests.Fixtures;
using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests;

/// <summary>A grid of several nodes, with Redis for membership and Azurite for state, content and journals.</summary>
public sealed class ClusterTests(TestMachine machine, TestServers servers)
{
    [Fact]
    public async Task Build_GoesFromTheNodeThatTakesItToTheNodeThatCanDoIt()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        await registry.PushAsync(bench.Images.Run, "base/run:1");
        bench.Builder.RunImage = $"{registry.Host}/base/run:1";
        bench.Builder.Buildpack("test/app").Dockerfiles("test/both",
            BuilderDirectory.AsRoot("COPY hello.txt /from-app\nRUN echo build >/extended"), BuilderDirectory.AsRoot("RUN echo run >/extended"));
        var builder = $"{registry.Host}/builders/tiny:1";
        (await bench.GridAsync("builder", "create", "--config", Path.Combine(bench.Builder.Write(), "builder.toml"), "--output", builder)).ExitCode.ShouldBe(0);
        string[] build = ["build", bench.App, "--builder", builder, "--image", $"{registry.Host}/apps/hello:1", "--json"];
        var alone = (await BuildRun.OfAsync(bench.Start(build))).ShouldSucceed();

        var id = Guid.NewGuid().ToString("n")[..8];
        foreach (var (name, value) in new Dictionary<string, string>
        {
            ["GRID_CLUSTER_MEMBERSHIP"] = "redis", ["GRID_REDIS_CONNECTION"] = await servers.RedisAsync(), ["GRID_AZURE_CONNECTION"] = await servers.AzureAsync(), ["GRID_STATE_STORAGE"] = "azure",
            ["GRID_CONTENT_SHARED"] = "azure", ["GRID_EVENTS_STORAGE"] = "azure", ["GRID_CLUSTER_ID"] = id, ["GRID_CLUSTER_SERVICE"] = id,
        })
            bench.Environment[name] = value;
        var (front, back) = (Path.Combine(bench.Root, "front"), Path.Combine(bench.Root, "back"));
        using var deciding = StartNode(bench, front, "control", "api");
        var address = await ServeTests.AddressAsync(deciding);
        using var working = StartNode(bench, back, "worker");
        await ServeTests.AddressAsync(working);
        bench.Environment["XDG_CONFIG_HOME"] = Path.Combine(bench.Root, "config");
        bench.Environment["GRID_SERVER"] = null;
        (await bench.GridAsync("login", address, "--key-file", Path.Combine(front, "operator-key"))).ExitCode.ShouldBe(0);

        var first = (await BuildRun.OfAsync(bench.Start(build))).ShouldSucceed();
        first.Digest.ShouldBe(alone.Digest);
        // The cluster's cache is empty; what the image in the registry has of the run extension is taken from there.
        first.Steps().ShouldBe(["ExtendBuild 4 Ran", "ExtendBuild 5 Ran", "ExtendRun 4 Restored"], ignoreOrder: true);
        // The layers of what ran are on the other node and in the shared tier only; that is enough for a hit. What was restored is still in the registry only.
        var second = (await BuildRun.OfAsync(bench.Start(build))).ShouldSucceed();
        second.Digest.ShouldBe(alone.Digest);
        second.Steps().ShouldBe(["ExtendBuild 4 Cached", "ExtendBuild 5 Cached", "ExtendRun 4 Restored"], ignoreOrder: true);
        File.Exists(Path.Combine(front, "sandbox")).ShouldBeFalse();

        foreach (var (node, data) in new[] { (working, back), (deciding, front) })
        {
            using (Process.Start("kill", ["-TERM", $"{node.Id}"]))
                (await Tool.EndAsync(node)).ExitCode.ShouldBe(0);
            Leftovers.Of(data, data).ShouldBeEmpty();
        }
    }

    private static Process StartNode(Workbench bench, string data, params string[] roles) => bench.Start(
        ["serve", "--node-name", Path.GetFileName(data), "--data-dir", data, "--listen-http-port", "0", "--listen-silo-port", "0", "--listen-gateway-port", "0", .. roles.SelectMany(r => new[] { "--role", r })]);
}
