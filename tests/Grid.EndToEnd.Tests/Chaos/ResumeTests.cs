using System.Diagnostics;
using System.Globalization;
using Grid.Contracts.Builds;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>How long it takes from kill -9 of a node until the phase it ran runs on another one. <c>tests/chaos.sh resume</c> prints the table of docs/operate.md.</summary>
public sealed class ResumeTests(TestMachine machine, ITestOutputHelper output)
{
    /// <summary>Phases that have sandboxes, with a part of their handles.</summary>
    private static readonly (Phase Phase, string Sandbox)[] InSandboxes = [(Phase.Detect, "-Detect-"), (Phase.ExtendBuild, "-build-"), (Phase.ExtendRun, "-run-"), (Phase.Build, "-Build-")];

    /// <summary>Phases that ask the registry, with a part of a path that only they ask for.</summary>
    private static readonly (Phase Phase, string Path)[] AtTheRegistry = [(Phase.Analyze, "/v2/builders/"), (Phase.Export, "/v2/resume/red/export/blobs/sha256:")];

    [Fact]
    public async Task EachPhase_GoesOnElsewhere_WhenItsNodeIsKilled()
    {
        if (!int.TryParse(Environment.GetEnvironmentVariable("GRID_CHAOS_RESUME"), CultureInfo.InvariantCulture, out var rounds))
        {
            Assert.Skip("a measurement: tests/chaos.sh resume");
            return;
        }
        var bench = await machine.NewAsync();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(10));
        await using var grid = await ChaosGrid.StartAsync(bench, NodeNetwork.Loopback(), pace: "0.2", patience.Token);
        var load = new BuildLoad(grid.Any, grid.ClientOf, grid.Builder, $"{grid.Registry.Host}/resume");
        await load.AddTenantAsync("red", patience.Token);
        try
        {
            // Everything is compiled, and builder and run image are everywhere.
            for (var n = 0; n < ChaosGrid.Size; n++)
                await load.EndAsync(await load.SubmitAsync(new ChaosSource("red", "warm", n), patience.Token), patience.Token);
            foreach (var (phase, path) in AtTheRegistry)
                await RepeatAsync(rounds, phase, source => AtTheRegistryAsync(grid, load, source, path, patience.Token));
            foreach (var (phase, sandbox) in InSandboxes)
                await RepeatAsync(rounds, phase, source => InASandboxAsync(grid, load, source, sandbox, patience.Token));
            (await Aftermath.LeftoversAsync(grid, patience.Token)).ShouldBeEmpty();
        }
        finally
        {
            await grid.SaveAsync("resume");
        }
    }

    private async Task RepeatAsync(int rounds, Phase phase, Func<ChaosSource, Task<double>> measure)
    {
        var seconds = new List<string>();
        for (var round = 1; round <= rounds; round++)
            seconds.Add((await measure(new ChaosSource("red", phase.ToString().ToLowerInvariant(), round))).ToString("0.0", CultureInfo.InvariantCulture));
        output.WriteLine($"| {phase} | {string.Join(", ", seconds)} |");
    }

    private static async Task<double> InASandboxAsync(ChaosGrid grid, BuildLoad load, ChaosSource source, string sandbox, CancellationToken cancellationToken)
    {
        var build = await load.SubmitAsync(source, cancellationToken);
        var home = await ChaosGrid.FirstAsync(() => grid.Nodes.FirstOrDefault(n => n.HasSandbox($"-{build.Id}{sandbox}")), cancellationToken);
        await home.KillAsync();
        var clock = Stopwatch.StartNew();
        await BeforeTheEndAsync(load, build, stop => ChaosGrid.FirstAsync(() => grid.Nodes.FirstOrDefault(n => n != home && n.HasSandbox($"-{build.Id}{sandbox}")), stop), cancellationToken);
        return await EndAsync(clock.Elapsed, load, build, home, cancellationToken);
    }

    private static async Task<double> AtTheRegistryAsync(ChaosGrid grid, BuildLoad load, ChaosSource source, string path, CancellationToken cancellationToken)
    {
        var before = grid.Registry.Stalled;
        grid.Registry.Begin(r => r.Path.Value!.StartsWith(path, StringComparison.Ordinal) ? RegistryFault.Stall : RegistryFault.None);
        var build = await load.SubmitAsync(source, cancellationToken);
        await ChaosGrid.FirstAsync(() => grid.Registry.Stalled > before ? "stalled" : null, cancellationToken);
        var queue = await load.AskAsync(client => client.GetQueueAsync("default", 0, cancellationToken), cancellationToken);
        var home = grid.Nodes.Single(n => n.Name == queue.Running.Single(r => r.Build.EndsWith(build.Id, StringComparison.Ordinal)).Node);
        await home.KillAsync();
        var clock = Stopwatch.StartNew();
        before = grid.Registry.Stalled;
        await BeforeTheEndAsync(load, build, stop => ChaosGrid.FirstAsync(() => grid.Registry.Stalled > before ? "stalled again" : null, stop), cancellationToken);
        var resumed = clock.Elapsed;
        grid.Registry.End();
        return await EndAsync(resumed, load, build, home, cancellationToken);
    }

    /// <summary>Waits for what a build does on its way. One that ends without it says here how, instead of being waited for.</summary>
    private static async Task BeforeTheEndAsync(BuildLoad load, AcceptedBuild build, Func<CancellationToken, Task> look, CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var (seen, end) = (look(over.Token), load.EndAsync(build, over.Token));
        if (await Task.WhenAny(seen, end) == end)
            Assert.Fail($"{build} ended before it was seen to go on: {(await end).State}, {(await end).Failure?.Message}");
        await over.CancelAsync();
        await seen;
        await end.ContinueWith(static ended => _ = ended.Exception, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private static async Task<double> EndAsync(TimeSpan resumed, BuildLoad load, AcceptedBuild build, ChaosNode killed, CancellationToken cancellationToken)
    {
        (await load.EndAsync(build, cancellationToken)).State.ShouldBe(BuildState.Succeeded);
        await killed.StartAsync(cancellationToken);
        return resumed.TotalSeconds;
    }
}
