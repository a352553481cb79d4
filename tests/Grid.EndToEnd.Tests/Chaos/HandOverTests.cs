using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.EndToEnd.Tests.Fixtures;
using Grid.EndToEnd.Tests.Telemetry;

namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>Nodes that leave in good order, as real processes.</summary>
public sealed class HandOverTests(TestMachine machine)
{
    private static readonly Phase[] DoneAgain = [Phase.Restore, Phase.Build];

    [Fact]
    public async Task A_node_that_is_drained_ends_its_build_and_one_that_is_stopped_gives_it_away()
    {
        var bench = await machine.NewAsync();
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromMinutes(10));
        await using var receiver = await ReceiverProcess.StartAsync(Path.Combine(bench.Root, "received"));
        bench.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.Endpoints["grpc"];
        bench.Environment["GRID_TELEMETRY_OTLP_SIGNALS"] = "traces";
        await using var grid = await ChaosGrid.StartAsync(bench, NodeNetwork.Loopback(), pace: "0", patience.Token, probeTimeout: 20_000);
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

        // Then the buildpack is all that runs of it; others come and go meanwhile.
        while ((await AskAsync(load, held, patience.Token)).Phases[Phase.ExtendRun] != PhaseState.Done)
            await Task.Delay(TimeSpan.FromMilliseconds(50), patience.Token);
        var wanted = true;
        var others = load.RepeatAsync("red", "other", () => Volatile.Read(ref wanted), patience.Token);
        // The node waits for its work as long as it may, then the others are given it.
        var stop = stopped.StopAsync();
        (await NextAsync(grid, load, held, stopped, patience.Token)).LetGo(held);
        await load.EndAsync(held, patience.Token);
        Volatile.Write(ref wanted, false);
        await others;
        (await stop).ShouldBe(0);
        // It has said nothing of what it could not take along, nor anything else: it prints what goes wrong.
        stopped.Log.ShouldNotContain("dehydrate");
        stopped.Log.ShouldNotContain("codec", Case.Insensitive);

        await stopped.StartAsync(patience.Token);
        await CheckAsync(grid, load, held, receiver, patience.Token);
    }

    /// <summary>Nothing failed, nobody was lost; only what the stopped node worked at was done again.</summary>
    private static async Task CheckAsync(ChaosGrid grid, BuildLoad load, AcceptedBuild held, ReceiverProcess receiver, CancellationToken cancellationToken)
    {
        var ends = new Dictionary<AcceptedBuild, BuildResource>();
        foreach (var build in load.Accepted)
            ends[build] = await load.EndAsync(build, cancellationToken);
        (await Aftermath.ProblemsAsync(grid, load, ends, cancellationToken)).ShouldBeEmpty();
        var journals = await Journals.ReadAsync(grid.Azurite, cancellationToken);
        foreach (var build in load.Accepted)
        {
            journals.Of(build.Id).OfType<BuildMoved>().ShouldBeEmpty();
            journals.Of(build.Id).OfType<PhaseFinished>().ShouldAllBe(p => p.State == PhaseState.Done);
        }
        journals.Of(held.Id).OfType<PhaseStarted>().CountBy(p => p.Phase).Where(p => p.Value > 1).Select(p => p.Key).ShouldBe(DoneAgain, ignoreOrder: true);
        (await Aftermath.LeftoversAsync(grid, cancellationToken)).ShouldBeEmpty();
        // All that was left to be sent was sent when the nodes stopped. The build of the stopped node is one tree with the work that it gave up.
        var trace = BuildTrace.Of(receiver, $"{held.Source.Tenant}/{held.Id}");
        trace.Where(s => s.Name == "build" && s.Attributes.ContainsKey("grid.cancelled")).ShouldHaveSingleItem();
    }

    /// <summary>The other node on which the buildpack is held next. A build that ends before that says why.</summary>
    private static async Task<ChaosNode> NextAsync(ChaosGrid grid, BuildLoad load, AcceptedBuild build, ChaosNode before, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (grid.Nodes.FirstOrDefault(n => n != before && File.Exists(Path.Combine(n.Workspace(build), ChaosBuilder.Hold))) is { } next)
                return next;
            var now = await AskAsync(load, build, cancellationToken);
            now.State.ShouldBe(BuildState.Running, now.Failure?.Message);
        }
    }

    private static Task<BuildResource> AskAsync(BuildLoad load, AcceptedBuild build, CancellationToken cancellationToken) =>
        load.AskAsync(client => client.GetBuildAsync(build.Source.Tenant, build.Id, cancellationToken), cancellationToken);

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
