using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Dockerfiles;

namespace Grid.Grains.Tests.Cluster;

/// <summary>A node dies while it works: its silo, its agent and all its processes.</summary>
public sealed class NodeLossTests : IAsyncLifetime
{
    private TestGrid _grid = null!;

    public async ValueTask InitializeAsync()
    {
        _grid = await TestGrid.StartAsync(silos: 4);
        _grid.Node.Detect = _ => Samples.Detection(
            Samples.Dockerfile(ImageKind.Build, "ARG base_image\nFROM ${base_image}\nRUN one\nRUN two\n"), Samples.Dockerfile(ImageKind.Run, "ARG base_image\nFROM ${base_image}\nRUN run\n"));
    }

    public async ValueTask DisposeAsync() => await _grid.DisposeAsync();

    private string NodeOf(WorkItem item) => _grid.Node.Places[item.Handle];

    [Theory]
    [InlineData(typeof(AnalyzeWork))]
    [InlineData(typeof(DetectWork))]
    [InlineData(typeof(RestoreWork))]
    [InlineData(typeof(BuildWork))]
    [InlineData(typeof(ExportWork))]
    public async Task The_phase_that_ran_is_done_again_elsewhere_and_what_was_done_is_kept(Type phase)
    {
        _grid.Node.Holds = phase.IsInstanceOfType;
        var key = await _grid.SubmitAsync();
        var first = await _grid.Node.StartedAsync<WorkItem>(phase.IsInstanceOfType);
        first.Handle.ShouldEndWith("#1");
        _grid.Node.Holds = _ => false;
        await _grid.KillNodeAsync(NodeOf(first));

        var end = await _grid.EndAsync(key);
        end.State.ShouldBe(BuildState.Succeeded, end.Failure?.Message);
        var again = _grid.Node.Started.Single(i => phase.IsInstanceOfType(i) && i.Handle.EndsWith("#2", StringComparison.Ordinal));
        NodeOf(again).ShouldNotBe(NodeOf(first));
        var attempts = _grid.Node.Started.Where(i => i is not StepWork).GroupBy(i => i.GetType()).ToDictionary(g => g.Key, g => g.Count());
        foreach (var (type, count) in attempts)
            count.ShouldBe(type == phase || (type == typeof(RestoreWork) && phase == typeof(BuildWork)) ? 2 : 1, type.Name);
        _grid.Events.Of(key).OfType<BuildMoved>().Select(m => m.From).ShouldBe([NodeOf(first)]);
    }

    [Theory]
    [InlineData(typeof(PinWork))]
    [InlineData(typeof(StepWork))]
    [InlineData(typeof(PublishWork))]
    [InlineData(typeof(RebaseWork))]
    public async Task An_image_that_is_extended_or_rebased_by_itself_goes_on_elsewhere(Type work)
    {
        _grid.Node.Holds = work.IsInstanceOfType;
        var key = await _grid.SubmitAsync(work == typeof(RebaseWork) ? Samples.Rebase() : Samples.Extension(ImageKind.Build, "ARG base_image\nFROM ${base_image}\nRUN alone\n"));
        var first = await _grid.Node.StartedAsync<WorkItem>(work.IsInstanceOfType);
        _grid.Node.Holds = _ => false;
        await _grid.KillNodeAsync(NodeOf(first));

        var end = await _grid.EndAsync(key);
        end.State.ShouldBe(BuildState.Succeeded, end.Failure?.Message);
        foreach (var group in _grid.Node.Started.GroupBy(i => i.GetType()))
            group.Count().ShouldBe(group.Key == work ? 2 : 1, group.Key.Name);
    }

    [Theory]
    [InlineData(ImageKind.Build)]
    [InlineData(ImageKind.Run)]
    public async Task A_chain_goes_on_from_its_last_finished_step(ImageKind kind)
    {
        var last = kind == ImageKind.Build ? "RUN two" : "RUN run";
        _grid.Node.Holds = i => i is StepWork s && s.Name.Text == last;
        var key = await _grid.SubmitAsync();
        var first = await _grid.Node.StartedAsync<StepWork>(s => s.Name.Text == last);
        _grid.Node.Holds = _ => false;
        await _grid.KillNodeAsync(NodeOf(first));

        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        var runs = _grid.Node.Started.OfType<StepWork>().Where(s => s.Name.Text == last).ToList();
        runs.Select(r => r.Handle).ShouldBe([first.Handle, first.Handle[..^2] + "#2"]);
        NodeOf(runs[1]).ShouldNotBe(NodeOf(first));
        _grid.Node.Started.OfType<StepWork>().Count(s => s.Name.Text == "RUN one").ShouldBe(1);
    }

    [Fact]
    public async Task Home_and_run_extension_have_nodes_of_their_own_when_there_are_idle_ones()
    {
        var key = await _grid.SubmitAsync();
        await _grid.EndAsync(key);

        var build = NodeOf(await _grid.Node.StartedAsync<BuildWork>());
        NodeOf(await _grid.Node.StartedAsync<StepWork>(s => s.Name.Kind == ImageKind.Build)).ShouldBe(build);
        NodeOf(await _grid.Node.StartedAsync<StepWork>(s => s.Name.Kind == ImageKind.Run)).ShouldNotBe(build);
    }

    [Fact]
    public async Task Three_lost_nodes_fail_the_build_and_are_named()
    {
        _grid.Node.Holds = i => i is BuildWork;
        var key = await _grid.SubmitAsync();
        var lost = new List<string>();
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            var work = await _grid.Node.StartedAsync<BuildWork>(w => w.Handle.EndsWith("#" + attempt, StringComparison.Ordinal));
            lost.Add(NodeOf(work));
            await _grid.KillNodeAsync(NodeOf(work));
        }

        var end = await _grid.EndAsync(key);
        end.State.ShouldBe(BuildState.Failed);
        foreach (var node in lost)
            end.Failure!.Message.ShouldContain(node);
        _grid.Node.Started.OfType<BuildWork>().Count().ShouldBe(3);
    }

    [Fact]
    public async Task A_build_without_a_node_waits_for_the_next_one()
    {
        _grid.Node.Holds = i => i is BuildWork;
        foreach (var node in _grid.Nodes.Skip(1))
            await _grid.Queue.DrainAsync(node, drain: true);
        var key = await _grid.SubmitAsync();
        var first = await _grid.Node.StartedAsync<BuildWork>();
        _grid.Node.Holds = _ => false;
        await _grid.KillNodeAsync(NodeOf(first));
        (await _grid.Events.FirstAsync<BuildMoved>(key)).To.ShouldBeNull();
        await TestGrid.AskAsync(() => _grid.Queue.DrainAsync(_grid.Nodes[0], drain: false));

        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        NodeOf(_grid.Node.Started.OfType<BuildWork>().Last()).ShouldBe(_grid.Nodes[0]);
    }

    [Fact]
    public async Task Cancel_of_a_build_whose_node_is_dead_ends_it()
    {
        _grid.Node.Holds = i => i is BuildWork or StepWork;
        foreach (var node in _grid.Nodes.Skip(1))
            await _grid.Queue.DrainAsync(node, drain: true);
        var key = await _grid.SubmitAsync();
        var step = await _grid.Node.StartedAsync<StepWork>();
        await _grid.KillNodeAsync(NodeOf(step));
        // Its silo may be the one that died.
        await TestGrid.AskAsync(() => _grid.Build(key).CancelAsync("no longer wanted"));

        var end = await _grid.EndAsync(key);
        end.State.ShouldBe(BuildState.Cancelled);
        end.Failure!.Message.ShouldContain("no longer wanted");
    }

    [Fact]
    public async Task A_stale_attempt_can_neither_report_nor_publish()
    {
        _grid.Node.Holds = i => i is ExportWork;
        var key = await _grid.SubmitAsync();
        var stale = await _grid.Node.StartedAsync<ExportWork>();
        (await _grid.Build(key).MayPublishAsync(stale.Handle)).ShouldBeTrue();
        await _grid.KillNodeAsync(NodeOf(stale));
        var current = await _grid.Node.StartedAsync<ExportWork>(w => w.Handle != stale.Handle);

        (await TestGrid.AskAsync(() => _grid.Build(key).MayPublishAsync(stale.Handle))).ShouldBeFalse();
        (await TestGrid.AskAsync(() => _grid.Build(key).MayPublishAsync(current.Handle))).ShouldBeTrue();
        await TestGrid.AskAsync(() => ScriptedNode.ReportAsync(_grid.Grains, stale.Owner, new WorkReport(stale.Handle) { Result = new ExportDone(Samples.Report("stale")) }));
        (await _grid.StatusAsync(key)).State.ShouldBe(BuildState.Running);
        _grid.Node.Finish(current);
        (await _grid.EndAsync(key)).Image!.Digest.ShouldBe(Samples.DigestOf(key).ToString());
        (await _grid.Build(key).MayPublishAsync(current.Handle)).ShouldBeFalse();
    }

    [Fact]
    public async Task The_next_attempt_writes_names_only_when_the_one_before_it_cannot_any_more()
    {
        _grid.Node.Holds = i => i is ExportWork;
        var key = await _grid.SubmitAsync();
        var stale = await _grid.Node.StartedAsync<ExportWork>();
        var began = TimeProvider.System.GetTimestamp();
        (await _grid.Build(key).RequestPublishAsync(stale.Handle))!.Granted.ShouldBeTrue();
        await _grid.KillNodeAsync(NodeOf(stale));
        var current = await _grid.Node.StartedAsync<ExportWork>(w => w.Handle != stale.Handle);

        // What was granted is remembered although the silo that granted it may be the one that died.
        var answer = (await TestGrid.AskAsync(() => _grid.Build(key).RequestPublishAsync(current.Handle))).ShouldNotBeNull();
        (await TestGrid.AskAsync(() => _grid.Build(key).RequestPublishAsync(stale.Handle))).ShouldBeNull();
        while (!answer.Granted)
        {
            answer.Duration.ShouldBeGreaterThan(TimeSpan.Zero);
            await Task.Delay(answer.Duration, TestContext.Current.CancellationToken);
            answer = (await TestGrid.AskAsync(() => _grid.Build(key).RequestPublishAsync(current.Handle))).ShouldNotBeNull();
        }
        TimeProvider.System.GetElapsedTime(began).ShouldBeGreaterThanOrEqualTo(Grid.Grains.Machines.PublishFence.Lease);
        _grid.Node.Finish(current);
        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        (await _grid.Build(key).RequestPublishAsync(current.Handle)).ShouldBeNull();
    }

    [Fact]
    public async Task A_stale_attempt_can_write_no_cache_entry()
    {
        _grid.Node.Holds = i => i is StepWork { Name.Text: "RUN run" };
        var key = await _grid.SubmitAsync();
        var stale = await _grid.Node.StartedAsync<StepWork>(s => s.Name.Text == "RUN run");
        await _grid.KillNodeAsync(NodeOf(stale));
        var current = await _grid.Node.StartedAsync<StepWork>(s => s.Name.Text == "RUN run" && s.Handle != stale.Handle);

        // The node was only cut off: it reports, and another build asks for the step.
        await TestGrid.AskAsync(() => ScriptedNode.ReportAsync(_grid.Grains, stale.Owner, new WorkReport(stale.Handle) { Result = new StepDone(Samples.LayerOf("stale")) }));
        var other = await _grid.SubmitAsync(Samples.Request("other"));
        await _grid.Events.FirstAsync<StepStarted>(other, s => s.Step.Text == "RUN run" && s.WaitsForAnother);
        _grid.Node.Finish(current);

        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        (await _grid.EndAsync(other)).State.ShouldBe(BuildState.Succeeded);
        var shared = await _grid.Events.FirstAsync<StepFinished>(other, s => s.Step.Text == "RUN run");
        shared.DiffId.ShouldBe(Samples.LayerOf(current.Handle).DiffId.ToString());
    }

    [Fact]
    public async Task A_build_that_was_asked_to_stop_may_not_publish()
    {
        _grid.Node.Holds = i => i is ExportWork;
        var key = await _grid.SubmitAsync();
        var export = await _grid.Node.StartedAsync<ExportWork>();
        await _grid.Build(key).CancelAsync("no longer wanted");

        (await _grid.Build(key).MayPublishAsync(export.Handle)).ShouldBeFalse();
        (await _grid.Build(key).RequestPublishAsync(export.Handle)).ShouldBeNull();
    }
}
