using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>Nodes that leave in good order, as real processes.</summary>
public sealed class HandOverTests(TestMachine machine)
{
    [Fact]
    public async Task A_node_that_is_drained_ends_its_build_and_one_that_is_stopped_gives_it_away()
    {
        var bench = await machine.NewAsync();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(5));
        await using var grid = await ChaosGrid.StartAsync(bench, NodeNetwork.Loopback(), pace: "0.05", patience.Token, probeTimeout: 20_000);
        await using var save = new Save(grid);
        var load = new BuildLoad(grid.Any, grid.ClientOf, grid.Builder, $"{grid.Registry.Host}/apps");
        await load.AddTenantAsync("red", patience.Token);
        var drained = await load.SubmitAsync(new ChaosSource("red", "drained", 1) { Holds = true }, patience.Token);
        var home = await grid.HolderOfAsync(drained, patience.Token);
        await LoginAsync(grid);

        (await bench.GridAsync("node", "drain", home.Name)).ExitCode.ShouldBe(0);
        // What comes now goes elsewhere, and what runs there goes on.
        var held = await load.SubmitAsync(new ChaosSource("red", "stopped", 1) { Holds = true }, patience.Token);
        var stopped = await grid.HolderOfAsync(held, patience.Token);
        stopped.ShouldNotBe(home);
        home.HasSandbox(held.Id).ShouldBeFalse();
        home.LetGo(drained);
        (await load.EndAsync(drained, patience.Token)).State.ShouldBe(BuildState.Succeeded);
        (await bench.GridAsync("node", "list")).Output.ShouldContain("draining");
        (await bench.GridAsync("node", "undrain", home.Name)).ExitCode.ShouldBe(0);

        // Then the buildpack is all that runs.
        while ((await load.AskAsync(client => client.GetBuildAsync("red", held.Id, patience.Token), patience.Token)).Phases[Phase.ExtendRun] != PhaseState.Done)
            await Task.Delay(TimeSpan.FromMilliseconds(50), patience.Token);
        // It waits for its work as long as it may, then the others are given it.
        var stop = stopped.StopAsync();
        var next = await ChaosGrid.FirstAsync(() => grid.Nodes.FirstOrDefault(n => n != stopped && File.Exists(Path.Combine(n.Workspace(held), ChaosBuilder.Hold))), patience.Token);
        next.LetGo(held);
        var end = await load.EndAsync(held, patience.Token);
        (await stop).ShouldBe(0);
        end.State.ShouldBe(BuildState.Succeeded, end.Failure?.Message);

        var journals = await Journals.ReadAsync(grid.Azurite, patience.Token);
        // Nothing failed, nobody was lost; only the phase that ran was done again.
        journals.Of(held.Id).OfType<BuildMoved>().ShouldBeEmpty();
        journals.Of(held.Id).OfType<PhaseFinished>().ShouldAllBe(p => p.State == PhaseState.Done);
        journals.Of(held.Id).OfType<PhaseStarted>().CountBy(p => p.Phase).Where(p => p.Value > 1).Select(p => p.Key).ShouldBe([Phase.Restore, Phase.Build], ignoreOrder: true);
        await stopped.StartAsync(patience.Token);
        var ends = new Dictionary<AcceptedBuild, BuildResource> { [drained] = await load.EndAsync(drained, patience.Token), [held] = end };
        (await Aftermath.ProblemsAsync(grid, load, ends, patience.Token)).ShouldBeEmpty();
        (await Aftermath.LeftoversAsync(grid, patience.Token)).ShouldBeEmpty();
    }

    private static async Task LoginAsync(ChaosGrid grid)
    {
        grid.Bench.Environment["XDG_CONFIG_HOME"] = Path.Combine(grid.Bench.Root, "config");
        grid.Bench.Environment["GRID_SERVER"] = null;
        (await grid.Bench.GridAsync("login", grid.Any()!.ToString(), "--key-file", Path.Combine(grid.Bench.Root, "operator-key"))).ExitCode.ShouldBe(0);
    }

    /// <summary>Keeps what nodes printed, where it is asked for.</summary>
    private sealed class Save(ChaosGrid grid) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            if (Environment.GetEnvironmentVariable("GRID_CHAOS_LOGS") is { Length: > 0 } logs)
                await grid.SaveAsync(Directory.CreateDirectory(Path.Combine(logs, "hand-over")).FullName);
        }
    }
}
