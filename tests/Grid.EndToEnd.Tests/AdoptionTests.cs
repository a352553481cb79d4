using System.Diagnostics;
using Grid.EndToEnd.Tests.Fixtures;
using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests;

/// <summary>A worker that is killed while sandboxes of it run, and is started again, or not.</summary>
public sealed class AdoptionTests(TestMachine machine, TestServers servers, ITestOutputHelper output) : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private readonly List<Process> _nodes = [];
    private readonly List<LoopbackRegistry> _registries = [];
    private readonly string _unique = $"u{Random.Shared.Next(100_000_000, 999_999_999)}";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>Waits in its own root for a file that the test makes there.</summary>
    private static string Wait(string name) => $"echo {name} begins; until [ -e /tmp/go-{name} ]; do sleep 0.1; done; echo {name} ends";

    [Fact]
    public async Task Kill_OfAWorkerThatComesBack_ItsProcessesGoOnAndAllTheyPrintIsThereOnce()
    {
        var bench = await StartAsync(_ => { });
        string[] arguments = ["build", bench.App, .. await BuilderAsync(bench), "--json"];
        var build = BuildRun.OfAsync(bench.Start(arguments));

        foreach (var (name, word) in new[] { ($"step-{_unique}", "begins"), ($"app-{_unique}", "bin/build") })
        {
            var running = await ProcessAsync(name, word);
            await KillAsync();
            await StartWorkerAsync(bench);
            IsAlive(running).ShouldBeTrue($"process {running} of {name} goes on without its silo");
            await LetGoAsync(running, name);
        }

        var run = (await build.WaitAsync(Patience, Stop)).ShouldSucceed();
        var lines = run.Log.Split('\n');
        foreach (var line in new[] { $"step-{_unique} begins", $"step-{_unique} ends", $"first-{_unique}", $"app-{_unique} begins", $"app-{_unique} ends" })
            lines.Count(l => l == line).ShouldBe(1, $"{line} in {run.Log}");
        run.Of("build-moved").Count().ShouldBe(2);

        // The app has a line of each time that the buildpack ran, so the same image also says that it ran once.
        var undisturbed = BuildRun.OfAsync(bench.Start(arguments));
        await LetGoAsync(await ProcessAsync($"app-{_unique}", "bin/build"), $"app-{_unique}");
        (await undisturbed.WaitAsync(Patience, Stop)).ShouldSucceed().Digest.ShouldBe(run.Digest);
        await StopAsync();
        await NothingIsLeftAsync(bench);
    }

    [Fact]
    public async Task Kill_OfAWorkerWhoseBuildIsCancelled_WhatIsLeftEndsWhenItComesBack()
    {
        var bench = await StartAsync(_ => { });
        using var client = bench.Start(["build", bench.App, .. await BuilderAsync(bench), "--json"]);
        var ended = Tool.EndAsync(client);
        var running = await ProcessAsync("-c", $"step-{_unique} begins");

        await KillAsync();
        await Tool.RunAsync("/bin/kill", "-INT", $"{client.Id}");
        await ended.WaitAsync(Patience, Stop);
        IsAlive(running).ShouldBeTrue();
        await StartWorkerAsync(bench);

        await UntilAsync(() => !IsAlive(running));
        await StopAsync();
        await NothingIsLeftAsync(bench);
    }

    [Fact]
    public async Task Kill_OfAWorkerThatDoesNotComeBack_WhatItRanEndsByItself()
    {
        var bench = await StartAsync(bench => bench.Environment["GRID_SANDBOX_ORPHAN_TIME"] = "3");
        using var client = bench.Start(["build", bench.App, .. await BuilderAsync(bench), "--json"]);
        var ended = Tool.EndAsync(client);
        var running = await ProcessAsync("-c", $"step-{_unique} begins");

        await KillAsync();

        await UntilAsync(() => !IsAlive(running) && !Leftovers.Processes(WorkerData(bench)).Any());
        await Tool.RunAsync("/bin/kill", "-INT", $"{client.Id}");
        await ended.WaitAsync(Patience, Stop);
        // What is left on its disk goes when it starts.
        await StartWorkerAsync(bench);
        await StopAsync();
        await NothingIsLeftAsync(bench);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
        {
            if (!node.HasExited)
                node.Kill(entireProcessTree: true);
            await node.WaitForExitAsync(CancellationToken.None);
            node.Dispose();
        }
        foreach (var registry in _registries)
            await registry.DisposeAsync();
    }

    private static Task LetGoAsync(int process, string name) => File.WriteAllTextAsync($"/proc/{process}/root/tmp/go-{name}", "", Stop);

    private static string WorkerData(Workbench bench) => Path.Combine(bench.Root, "node-worker");

    /// <summary>Killed processes are not gone at once.</summary>
    private async Task NothingIsLeftAsync(Workbench bench)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        patience.CancelAfter(Patience);
        while (Left().Any() && !patience.IsCancellationRequested)
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, Stop);
        Left().ShouldBeEmpty();

        IEnumerable<string> Left() => Leftovers.Of(WorkerData(bench), _unique).Concat(Leftovers.MountsElsewhere(WorkerData(bench)));
    }

    /// <summary>A process that has ended and was not buried yet does not live.</summary>
    private static bool IsAlive(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/stat").Split(") ")[^1][0] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        patience.CancelAfter(Patience);
        while (!condition())
            await Task.Delay(TimeSpan.FromMilliseconds(50), TimeProvider.System, patience.Token);
    }

    /// <summary>The first process of a sandbox, whose command line has all these words in it: what it forks has the same one for a moment, and has no part in it.</summary>
    private static async Task<int> ProcessAsync(params string[] words)
    {
        int? found = null;
        await UntilAsync(() => (found = Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out _)).Select(name => int.Parse(name!))
            .Where(pid => words.All(word => CommandOf(pid).Contains(word, StringComparison.Ordinal)) && IsFirstOfASandbox(pid)).Cast<int?>().FirstOrDefault()) is not null);
        return found!.Value;
    }

    /// <summary>Its number is another one here than in its own namespace, where it is 1.</summary>
    private static bool IsFirstOfASandbox(int pid) =>
        Read($"/proc/{pid}/status").Split('\n').FirstOrDefault(line => line.StartsWith("NSpid:", StringComparison.Ordinal)) is { } line && line.Split('\t') is [_, _, .., "1"];

    private static string CommandOf(int pid) => Read($"/proc/{pid}/cmdline").Replace('\0', ' ');

    private static string Read(string file)
    {
        try
        {
            return File.ReadAllText(file);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    /// <summary>A node that decides, one that works, and a client that is logged in.</summary>
    private async Task<Workbench> StartAsync(Action<Workbench> configure)
    {
        var bench = await machine.NewAsync();
        bench.Environment["GRID_REDIS_CONNECTION"] = await servers.RedisAsync();
        bench.Environment["GRID_AZURE_CONNECTION"] = await servers.AzureAsync();
        // Silos that other tests have killed are none of this cluster's.
        bench.Environment["GRID_CLUSTER_ID"] = bench.Environment["GRID_CLUSTER_SERVICE"] = _unique;
        // Longer than any machine takes to start a node again.
        bench.Environment["GRID_SANDBOX_ORPHAN_TIME"] = "900";
        configure(bench);
        var address = await StartNodeAsync(bench, "control", "--role", "control", "--role", "api");
        await StartWorkerAsync(bench);
        bench.Environment["XDG_CONFIG_HOME"] = Path.Combine(bench.Root, "config");
        bench.Environment["GRID_SERVER"] = null;
        (await bench.GridAsync("login", address, "--key-file", Path.Combine(bench.Root, "operator-key"))).ExitCode.ShouldBe(0);
        return bench;
    }

    private async Task<string[]> BuilderAsync(Workbench bench)
    {
        var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        _registries.Add(registry);
        await registry.PushAsync(bench.Images.Run, "base/run:1");
        bench.Builder.RunImage = $"{registry.Host}/base/run:1";
        bench.Builder.Buildpack($"test/first-{_unique}", $"echo first-{_unique}", inOrder: false)
            .Buildpack($"test/app-{_unique}", BuilderDirectory.WebProcess + "\necho ran >>executions\n" + Wait($"app-{_unique}"), inOrder: false)
            .Group(($"test/first-{_unique}", false), ($"test/app-{_unique}", false))
            .Dockerfiles("test/both", BuilderDirectory.AsRoot("RUN " + Wait($"step-{_unique}")));
        var builder = $"{registry.Host}/builders/tiny:1";
        (await bench.GridAsync("builder", "create", "--config", Path.Combine(bench.Builder.Write(), "builder.toml"), "--output", builder)).ExitCode.ShouldBe(0);
        return ["--builder", builder, "--image", $"{registry.Host}/apps/hello:1"];
    }

    private Task<string> StartWorkerAsync(Workbench bench) => StartNodeAsync(bench, "worker", "--role", "worker");

    private async Task<string> StartNodeAsync(Workbench bench, string name, params string[] roles)
    {
        var node = bench.Start(["serve", .. roles, "--node-name", name, "--data-dir", Path.Combine(bench.Root, "node-" + name),
            "--listen-http-port", "0", "--listen-silo-port", "0", "--listen-gateway-port", "0", "--cluster-membership", "redis", "--state-storage", "azure", "--content-shared", "azure", "--events-storage", "azure",
            "--api-operator-key-file", Path.Combine(bench.Root, "operator-key")]);
        _nodes.Add(node);
        var address = await ServeTests.AddressAsync(node);
        // Read, so that it never waits for a reader; shown when the test fails.
        _ = ShowAsync(name, node.StandardError);
        return address;
    }

    private async Task KillAsync()
    {
        _nodes[^1].Kill();
        await _nodes[^1].WaitForExitAsync(Stop);
    }

    private async Task StopAsync()
    {
        await Tool.RunAsync("/bin/kill", "-TERM", $"{_nodes[^1].Id}");
        await _nodes[^1].WaitForExitAsync(Stop).WaitAsync(Patience, Stop);
    }

    private async Task ShowAsync(string node, StreamReader stream)
    {
        while (await stream.ReadLineAsync(CancellationToken.None) is { } line)
            output.WriteLine($"{node}: {line}");
    }
}
