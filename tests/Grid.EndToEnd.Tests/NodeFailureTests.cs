using System.Diagnostics;
using Grid.EndToEnd.Tests.Fixtures;
using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests;

/// <summary>Three processes with Redis and Azurite between them, real sandboxes, and one of them killed.</summary>
public sealed class NodeFailureTests(TestMachine machine, TestServers servers, ITestOutputHelper output)
{
    [Fact]
    public async Task Kill_OfTheNodeThatRunsTheBuildpacks_BuildsTheSameImageOnAnother()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        await registry.PushAsync(bench.Images.Run, "base/run:1");
        bench.Builder.RunImage = $"{registry.Host}/base/run:1";
        // Long enough to be caught at work.
        bench.Builder.Buildpack("test/app", BuilderDirectory.WebProcess + "\nsleep 5").Dockerfiles("test/both",
            BuilderDirectory.AsRoot("RUN echo build >/extended"), BuilderDirectory.AsRoot("RUN echo run >/extended"));
        var builder = $"{registry.Host}/builders/tiny:1";
        (await bench.GridAsync("builder", "create", "--config", Path.Combine(bench.Builder.Write(), "builder.toml"), "--output", builder)).ExitCode.ShouldBe(0);
        string[] build = ["build", bench.App, "--builder", builder, "--image", $"{registry.Host}/apps/hello:1", "--json"];
        var undisturbed = (await BuildRun.OfAsync(bench.Start(build))).ShouldSucceed();

        bench.Environment["GRID_REDIS_CONNECTION"] = await servers.RedisAsync();
        bench.Environment["GRID_AZURE_CONNECTION"] = await servers.AzureAsync();
        using var control = Node("control", ["--role", "control", "--role", "api"]);
        using var stopControl = new Stop(control);
        var address = await ServeTests.AddressAsync(control);
        var workers = new Dictionary<string, Process>();
        foreach (var name in new[] { "one", "two" })
        {
            workers[name] = Node(name, ["--role", "control", "--role", "worker"]);
            await ServeTests.AddressAsync(workers[name]);
        }
        using var stopOne = new Stop(workers["one"]);
        using var stopTwo = new Stop(workers["two"]);
        bench.Environment["XDG_CONFIG_HOME"] = Path.Combine(bench.Root, "config");
        bench.Environment["GRID_SERVER"] = null;
        (await bench.GridAsync("login", address, "--key-file", Path.Combine(bench.Root, "operator-key"))).ExitCode.ShouldBe(0);
        var moved = BuildRun.OfAsync(bench.Start(build));

        // Read, so that they never wait for a reader; shown when the test fails.
        foreach (var stream in new[] { control.StandardError, workers["one"].StandardError, workers["two"].StandardError })
            _ = ShowAsync(stream);
        var home = await FirstAsync(TimeSpan.FromMinutes(3), () => Task.FromResult(workers.Keys.FirstOrDefault(RunsBuildpacks)));
        workers[home].Kill();
        var clock = Stopwatch.StartNew();
        var other = workers.Keys.Single(w => w != home);
        await FirstAsync(TimeSpan.FromMinutes(3), () => Task.FromResult(RunsBuildpacks(other) ? other : null));
        output.WriteLine($"{home} killed; the buildpacks run again on {other} after {clock.Elapsed.TotalSeconds:0.0} s");

        (await moved).ShouldSucceed().Digest.ShouldBe(undisturbed.Digest);
        using (Process.Start("kill", ["-TERM", $"{workers[other].Id}"]))
            await workers[other].WaitForExitAsync(TestContext.Current.CancellationToken);
        workers[other].ExitCode.ShouldBe(0);
        Leftovers.Of(DataOf(other), DataOf(other)).ShouldBeEmpty();

        string DataOf(string name) => Path.Combine(bench.Root, "node-" + name);

        bool RunsBuildpacks(string name) => Directory.Exists(Path.Combine(DataOf(name), "builds"))
            && Directory.EnumerateDirectories(Path.Combine(DataOf(name), "builds")).Any(b => Directory.Exists(Path.Combine(b, "layers", "test_app")));

        Process Node(string name, string[] roles) => bench.Start(["serve", .. roles, "--node-name", name, "--data-dir", DataOf(name),
            "--listen-http-port", "0", "--listen-silo-port", "0", "--listen-gateway-port", "0", "--cluster-membership", "redis", "--state-storage", "azure", "--content-shared", "azure", "--events-storage", "azure",
            "--api-operator-key-file", Path.Combine(bench.Root, "operator-key")]);
    }

    private async Task ShowAsync(StreamReader stream)
    {
        while (await stream.ReadLineAsync() is { } line)
            output.WriteLine(line);
    }

    /// <summary>The first answer; what happens elsewhere is looked for until it is there.</summary>
    private static async Task<string> FirstAsync(TimeSpan patience, Func<Task<string?>> look)
    {
        for (var clock = Stopwatch.StartNew(); clock.Elapsed < patience;)
        {
            if (await look() is { } found)
                return found;
            await Task.Delay(TimeSpan.FromMilliseconds(50), TestContext.Current.CancellationToken);
        }
        throw new TimeoutException($"not seen within {patience.TotalSeconds} s");
    }

    /// <summary>Ends a process at the end of a test, however that ends.</summary>
    private sealed class Stop(Process process) : IDisposable
    {
        public void Dispose()
        {
            if (!process.HasExited)
                process.Kill(entireProcessTree: true);
        }
    }
}
