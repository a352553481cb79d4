using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Dockerfiles;

namespace Grid.Grains.Tests.Cluster;

/// <summary>A silo dies that remembers and decides, while the node that works lives on: nothing is done twice.</summary>
public sealed class SiloLossTests : IAsyncLifetime
{
    private TestGrid _grid = null!;

    public async ValueTask InitializeAsync()
    {
        _grid = await TestGrid.StartAsync(silos: 3);
        _grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, "ARG base_image\nFROM ${base_image}\nRUN slow\n"));
        _grid.Node.Holds = i => i is StepWork;
    }

    public async ValueTask DisposeAsync() => await _grid.DisposeAsync();

    /// <summary>A node that works for none of these builds, with a grain moved to it.</summary>
    private async Task KillBesideAsync(IGrainWithStringKey grain, params string[] builds)
    {
        var status = await TestGrid.AskAsync(() => _grid.Queue.GetStatusAsync(0));
        var used = status.Running.Where(r => builds.Contains(r.Build.BuildKey)).SelectMany(r => new[] { r.Placement.Home!.Node, r.Placement.RunExtension!.Node });
        var idle = _grid.Nodes.Except(used).First();
        await _grid.MoveAsync(grain, idle);
        await _grid.KillNodeAsync(idle);
    }

    [Fact]
    public async Task A_build_whose_silo_dies_can_be_read_and_goes_on_with_the_next_report()
    {
        var key = await _grid.SubmitAsync();
        var step = await _grid.Node.StartedAsync<StepWork>();
        await _grid.Events.FirstAsync<PhaseFinished>(key, e => e.Phase == Phase.Build);
        await KillBesideAsync(_grid.Build(key), key);

        var status = await _grid.StatusAsync(key);
        status.State.ShouldBe(BuildState.Running);
        status.Phases[(int)Phase.Build].ShouldBe(PhaseState.Done);
        status.Phases[(int)Phase.ExtendRun].ShouldBe(PhaseState.Running);
        _grid.Node.Finish(step);
        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        _grid.Node.Started.OfType<BuildWork>().Count().ShouldBe(1);
        _grid.Events.Of(key).OfType<BuildMoved>().ShouldBeEmpty();
    }

    [Fact]
    public async Task What_was_not_written_as_nothing_followed_from_it_is_told_again()
    {
        _grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Build, "ARG base_image\nFROM ${base_image}\nRUN slow\n"));
        _grid.Node.Holds = i => i is StepWork or RestoreWork;
        var key = await _grid.SubmitAsync();
        var step = await _grid.Node.StartedAsync<StepWork>();
        var restore = await _grid.Node.StartedAsync<RestoreWork>();
        var used = (await _grid.Queue.GetStatusAsync(0)).Running.Single().Placement;
        var idle = _grid.Nodes.Except([used.Home!.Node, used.RunExtension!.Node]).First();
        await _grid.MoveAsync(_grid.Build(key), idle);
        _grid.Node.Finish(restore);
        await _grid.Events.FirstAsync<PhaseFinished>(key, e => e.Phase == Phase.Restore);
        await _grid.KillNodeAsync(idle);
        _grid.Node.Finish(step);

        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        _grid.Node.Started.OfType<RestoreWork>().Count().ShouldBe(1);
        _grid.Node.Started.OfType<StepWork>().Count().ShouldBe(1);
    }

    [Fact]
    public async Task A_running_step_whose_extender_dies_is_taken_up_by_its_report()
    {
        var key = await _grid.SubmitAsync();
        var step = await _grid.Node.StartedAsync<StepWork>();
        await _grid.Events.FirstAsync<PhaseFinished>(key, e => e.Phase == Phase.Build);
        await KillBesideAsync(_grid.Grains.GetGrain<IExtenderGrain>(key + "/run"), key);
        _grid.Node.Finish(step);

        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        _grid.Node.Started.OfType<StepWork>().Count().ShouldBe(1);
    }

    [Fact]
    public async Task A_chain_that_waits_goes_on_although_its_silo_died()
    {
        var first = await _grid.SubmitAsync(Samples.Request("one"));
        var step = await _grid.Node.StartedAsync<StepWork>();
        var second = await _grid.SubmitAsync(Samples.Request("two"));
        await _grid.Events.FirstAsync<StepStarted>(second, e => e.WaitsForAnother);
        await _grid.Events.FirstAsync<PhaseFinished>(second, e => e.Phase == Phase.Build);
        // Nobody asks for it: its build hears from the queue that a silo died, and sees to it.
        await _grid.KillSiloOfAsync(_grid.Grains.GetGrain<IExtenderGrain>(second + "/run"));
        // In this order: what is started meanwhile is either among these, or not held.
        _grid.Node.Holds = _ => false;
        foreach (var work in _grid.Node.Started.OfType<StepWork>().ToArray())
            _grid.Node.Finish(work);

        (await _grid.EndAsync(first)).State.ShouldBe(BuildState.Succeeded);
        (await _grid.EndAsync(second)).State.ShouldBe(BuildState.Succeeded);
        step.Name.Text.ShouldBe("RUN slow");
    }

    [Fact]
    public async Task A_build_whose_silo_dies_just_after_it_told_the_end_tells_it_again_and_is_let_go_of()
    {
        _grid.Node.Holds = _ => false;
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var dead = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var key = "";
        // Between the end in the journal and the queue's knowledge of it: the queue cannot store that the build has left.
        _grid.Storage.BeforeWrite = (name, _) =>
        {
            if (name == "queue" && !dead.Task.IsCompleted && _grid.Events.Of(key).OfType<BuildFinished>().Any())
            {
                told.TrySetResult();
                throw new IOException("storage is away");
            }
        };
        key = TestGrid.NewKey();
        await _grid.Build(key).SubmitAsync(Samples.Request());
        await told.Task.WaitAsync(TestGrid.Patience, TestContext.Current.CancellationToken);
        await _grid.KillSiloOfAsync(_grid.Build(key));
        dead.SetResult();

        // The queue still has it, reminds it, and the new activation does what is left of the end.
        while ((await TestGrid.AskAsync(() => _grid.Queue.GetStatusAsync(0))).Running.Length > 0)
            await Task.Delay(50, TestContext.Current.CancellationToken);
        _grid.Events.Of(key).OfType<BuildFinished>().Count().ShouldBe(1);
        _grid.Events.RepeatedEnds.ShouldContain(key);
        (await _grid.StatusAsync(key)).State.ShouldBe(BuildState.Succeeded);
    }

    [Fact]
    public async Task The_queues_silo_dies_and_running_and_waiting_builds_go_on()
    {
        _grid.Node.Holds = i => i is BuildWork;
        var keys = new List<string>();
        for (var n = 0; n < 30; n++)
            keys.Add(await _grid.SubmitAsync(Samples.Request("app" + n)));
        // A build that waits and whose own grain dies too is found again by what the queue has stored, or else by its reminder.
        var stored = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _grid.Storage.BeforeWrite = (name, _) =>
        {
            if (name == "queue-backlog")
                stored.TrySetResult();
        };
        keys.Add(await _grid.SubmitAsync(Samples.Request("last")));
        await stored.Task.WaitAsync(TestGrid.Patience, TestContext.Current.CancellationToken);
        await _grid.KillSiloOfAsync(_grid.Queue);
        _grid.Node.Holds = _ => false;
        foreach (var work in _grid.Node.Started.OfType<BuildWork>().ToArray())
            _grid.Node.Finish(work);

        foreach (var key in keys)
            (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        // The queue is told after a build has ended.
        using var patience = new CancellationTokenSource(TestGrid.Patience);
        while ((await TestGrid.AskAsync(() => _grid.Queue.GetStatusAsync(10))).Running.Length > 0)
            await Task.Delay(50, patience.Token);
    }
}
