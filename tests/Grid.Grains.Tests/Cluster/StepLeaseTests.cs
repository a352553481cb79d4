using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Steps;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Keys;
using Grid.Grains.Steps;

namespace Grid.Grains.Tests.Cluster;

/// <summary>A lease belongs to somebody who is alive, and nobody waits for the dead.</summary>
public sealed class StepLeaseTests
{
    private const string Text = "ARG base_image\nFROM ${base_image}\nRUN slow\n";

    private static async Task<TestGrid> StartAsync(short silos = 1, string epoch = "")
    {
        var grid = await TestGrid.StartAsync(silos, cache: new StepCacheOptions { Epoch = epoch });
        grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, Text));
        grid.Node.Holds = i => i is StepWork;
        return grid;
    }

    [Fact]
    public async Task A_waiter_takes_over_when_the_lease_of_a_dead_runner_has_run_out()
    {
        await using var grid = await StartAsync();
        // A runner of which nothing is left but its lease: every silo, extender and node it had is gone.
        var first = await grid.SubmitAsync(Samples.Request("one"));
        var step = await grid.Node.StartedAsync<StepWork>();
        var key = StepKeyOf(grid, first);
        await grid.Build(first).CancelAsync("frees the step");
        await grid.EndAsync(first);
        var ghost = grid.Grains.GetGrain<IStepGrain>(key);
        (await ghost.ClaimAsync(new StepClaimRequest("ghost#1", "ghost"))).Kind.ShouldBe(StepClaimKind.Run);

        var second = await grid.SubmitAsync(Samples.Request("two"));
        await grid.Events.FirstAsync<StepStarted>(second, e => e.WaitsForAnother);
        // Whoever tells the step that the runner is gone (a lost node, an operator), the waiter is told at once.
        await ghost.ReleaseAsync("ghost#1");
        var taken = await grid.Node.StartedAsync<StepWork>(s => s.BuildKey == second);
        grid.Node.Finish(taken);

        (await grid.EndAsync(second)).State.ShouldBe(BuildState.Succeeded);
        (await ghost.RenewAsync("ghost#1")).ShouldBeFalse();
        await ghost.CompleteAsync("ghost#1", new CachedStep { Key = new StepKey(Samples.DigestOf("x"), []), BuildKey = "ghost", CreatedAt = DateTimeOffset.MaxValue, Layer = Samples.LayerOf("stale") });
        (await ghost.DescribeAsync()).Finished!.BuildKey.ShouldBe(second);
    }

    [Fact]
    public async Task A_lease_of_an_earlier_start_of_the_grid_holds_nobody_up()
    {
        await using var grid = await StartAsync(epoch: "now");
        var first = await grid.SubmitAsync(Samples.Request("one"));
        await grid.Node.StartedAsync<StepWork>();
        var key = StepKeyOf(grid, first);
        await grid.Build(first).CancelAsync("frees the step");
        await grid.EndAsync(first);
        await grid.Grains.GetGrain<IStepGrain>(key).ClaimAsync(new StepClaimRequest("ghost#1", "ghost") { Epoch = "before" });

        var second = await grid.SubmitAsync(Samples.Request("two"));
        grid.Node.Finish(await grid.Node.StartedAsync<StepWork>(s => s.BuildKey == second));

        (await grid.EndAsync(second)).State.ShouldBe(BuildState.Succeeded);
        grid.Events.Of(second).OfType<StepStarted>().ShouldAllBe(e => !e.WaitsForAnother);
    }

    [Fact]
    public async Task A_runner_that_lost_its_lease_stops_and_takes_the_others_result()
    {
        await using var grid = await StartAsync();
        var first = await grid.SubmitAsync();
        var step = await grid.Node.StartedAsync<StepWork>();
        var grain = grid.Grains.GetGrain<IStepGrain>(StepKeyOf(grid, first));
        await grain.ReleaseAsync(step.Handle);
        (await grain.ClaimAsync(new StepClaimRequest("other#1", "other"))).Kind.ShouldBe(StepClaimKind.Run);
        // The runner finds out when it renews.
        await grid.Events.FirstAsync<StepStarted>(first, e => e.WaitsForAnother);
        grid.Node.Cancelled.ShouldContain(step.Handle);
        await grain.CompleteAsync("other#1", new CachedStep { Key = new StepKey(Samples.DigestOf("x"), []), BuildKey = "other", CreatedAt = TimeProvider.System.GetUtcNow(), Layer = Samples.LayerOf("theirs") });

        (await grid.EndAsync(first)).State.ShouldBe(BuildState.Succeeded);
        grid.Node.Started.OfType<ExportWork>().Single().RunImage.Added.Single().Layer.ShouldBe(Samples.LayerOf("theirs"));
    }

    [Fact]
    public async Task The_step_grains_silo_dies_while_one_runs_and_others_wait_and_nobody_waits_for_ever()
    {
        await using var grid = await StartAsync(silos: 3);
        var first = await grid.SubmitAsync(Samples.Request("one"));
        var step = await grid.Node.StartedAsync<StepWork>();
        string[] waiters = [await grid.SubmitAsync(Samples.Request("two")), await grid.SubmitAsync(Samples.Request("three"))];
        foreach (var waiter in waiters)
            await grid.Events.FirstAsync<StepStarted>(waiter, e => e.WaitsForAnother);
        // The node of that silo dies with it; when it was the one that ran the step, another runs it again.
        grid.Node.Holds = _ => false;
        await grid.KillSiloOfAsync(grid.Grains.GetGrain<IStepGrain>(StepKeyOf(grid, first)));
        grid.Node.Finish(step);

        foreach (var key in waiters.Prepend(first))
            (await grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        grid.Node.Started.OfType<StepWork>().Count().ShouldBeInRange(1, 2);
    }

    /// <summary>The key of a build's only step.</summary>
    private static string StepKeyOf(TestGrid grid, string build)
    {
        var step = grid.Node.Started.OfType<StepWork>().First(s => s.BuildKey == build);
        return $"tenant/{StepKey.Compute(new StepKeyInput(step.Input.Step, "tenant")).Digest.Hex}";
    }
}
