using Grid.Contracts.Apps;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Dockerfiles;

namespace Grid.Grains.Tests.Cluster;

public sealed class BuildTests : IAsyncLifetime
{
    private TestGrid _grid = null!;

    public async ValueTask InitializeAsync() => _grid = await TestGrid.StartAsync();

    public async ValueTask DisposeAsync() => await _grid.DisposeAsync();

    private void Extends(string build = "ARG base_image\nFROM ${base_image}\nRUN build\n", string run = "ARG base_image\nFROM ${base_image}\nRUN run\n") =>
        _grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Build, build), Samples.Dockerfile(ImageKind.Run, run));

    [Fact]
    public async Task A_build_goes_through_all_phases_and_is_remembered_by_its_app()
    {
        Extends();
        var key = await _grid.SubmitAsync();
        var end = await _grid.EndAsync(key);

        end.State.ShouldBe(BuildState.Succeeded, end.Failure?.Message);
        end.ExitCode.ShouldBe(0);
        var status = await _grid.Build(key).GetStatusAsync();
        status.Phases.ShouldAllBe(p => p == PhaseState.Done);
        status.Image!.Digest.ShouldBe(Samples.DigestOf(key).ToString());
        _grid.Node.Released.ShouldBe([key]);
        var app = await _grid.Grains.GetGrain<IAppGrain>("tenant/app").GetAsync();
        app.Builds.Select(b => b.BuildKey).ShouldBe([key]);
        app.Extensions.Select(e => (e.Kind, e.Steps.Length)).ShouldBe([(ImageKind.Build, 1), (ImageKind.Run, 1)]);
        app.Cache!.Buildpacks.Single().Layers.Single().Name.ShouldBe("modules");
        (await _grid.Node.StartedAsync<ExportWork>()).RunImage.Added.Count.ShouldBe(1);
    }

    [Fact]
    public async Task Submit_Repeated_StartsNothingTwice()
    {
        _grid.Node.Holds = i => i is AnalyzeWork;
        var key = await _grid.SubmitAsync();
        (await _grid.Build(key).SubmitAsync(Samples.Request("another"))).State.ShouldBe(BuildState.Running);

        _grid.Node.Finish(await _grid.Node.StartedAsync<AnalyzeWork>());
        await _grid.EndAsync(key);
        (await _grid.Build(key).SubmitAsync(Samples.Request())).State.ShouldBe(BuildState.Succeeded);
        _grid.Node.Started.OfType<AnalyzeWork>().Count().ShouldBe(1);
        _grid.Events.Of(key).OfType<BuildStarted>().Count().ShouldBe(1);
    }

    [Fact]
    public async Task Both_extenders_run_at_the_same_time()
    {
        Extends();
        _grid.Node.Holds = i => i is StepWork;
        var key = await _grid.SubmitAsync();
        var build = await _grid.Node.StartedAsync<StepWork>(s => s.Name.Kind == ImageKind.Build);
        var run = await _grid.Node.StartedAsync<StepWork>(s => s.Name.Kind == ImageKind.Run);
        _grid.Events.Of(key).OfType<StepFinished>().ShouldBeEmpty();

        // The run chain may end after the buildpacks have.
        _grid.Node.Finish(build);
        await _grid.Events.FirstAsync<PhaseFinished>(key, e => e.Phase == Phase.Build);
        _grid.Node.Started.ShouldNotContain(i => i is ExportWork);
        _grid.Node.Finish(run);
        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
    }

    [Fact]
    public async Task Phases_that_begin_together_are_told_before_the_first_node_has_answered()
    {
        Extends();
        using var answers = new ManualResetEventSlim();
        _grid.Node.Holds = i => i is RestoreWork && !answers.Wait(TestGrid.Patience);
        var key = await _grid.SubmitAsync();

        foreach (var phase in new[] { Phase.Restore, Phase.ExtendBuild, Phase.ExtendRun })
            await _grid.Events.FirstAsync<PhaseStarted>(key, e => e.Phase == phase);

        answers.Set();
        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        _grid.Events.Of(key).OfType<PhaseStarted>().Count().ShouldBe(7);
    }

    [Theory]
    [InlineData(ImageKind.Build)]
    [InlineData(ImageKind.Run)]
    public async Task Failure_of_one_extender_cancels_the_other_at_once_and_is_the_builds(ImageKind failing)
    {
        Extends();
        _grid.Node.Holds = i => i is StepWork or RestoreWork;
        var key = await _grid.SubmitAsync();
        var fails = await _grid.Node.StartedAsync<StepWork>(s => s.Name.Kind == failing);
        var other = await _grid.Node.StartedAsync<StepWork>(s => s.Name.Kind != failing);
        await _grid.Node.StartedAsync<RestoreWork>();
        _grid.Node.Finish(fails, new Failure(104, "apt said no") { Output = "E: no such package" });
        var end = await _grid.EndAsync(key);

        end.State.ShouldBe(BuildState.Failed);
        end.ExitCode.ShouldBe(104);
        end.Failure!.Message.ShouldBe("apt said no");
        end.Failure.Output.ShouldBe("E: no such package");
        end.Failure.Phase.ShouldBe(failing == ImageKind.Build ? Phase.ExtendBuild : Phase.ExtendRun);
        _grid.Node.Cancelled.ShouldContain(other.Handle);
        _grid.Node.Started.ShouldNotContain(i => i is BuildWork);
        (await _grid.Grains.GetGrain<IAppGrain>("tenant/app").GetAsync()).Builds.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(typeof(AnalyzeWork), 1)]
    [InlineData(typeof(DetectWork), 1)]
    [InlineData(typeof(RestoreWork), 1)]
    [InlineData(typeof(StepWork), 2)]
    [InlineData(typeof(BuildWork), 1)]
    [InlineData(typeof(ExportWork), 1)]
    public async Task Cancel_InAnyPhase_EndsTheBuildOnceAndReleasesTheNode(Type phase, int works)
    {
        Extends();
        _grid.Node.Holds = phase.IsInstanceOfType;
        var key = await _grid.SubmitAsync();
        for (var n = 0; n < works; n++)
            await _grid.Node.StartedAsync<WorkItem>(i => phase.IsInstanceOfType(i) && (i is not StepWork s || s.Name.Kind == (ImageKind)n));
        await _grid.Build(key).CancelAsync("no longer wanted");
        await _grid.Build(key).CancelAsync("again");
        var end = await _grid.EndAsync(key);

        end.State.ShouldBe(BuildState.Cancelled);
        end.ExitCode.ShouldNotBe(0);
        end.Failure!.Message.ShouldContain("no longer wanted");
        _grid.Node.Released.ShouldBe([key]);
        (await _grid.Build(key).GetStatusAsync()).Phases.ShouldNotContain(PhaseState.Running);
    }

    [Fact]
    public async Task Cancel_AfterTheEnd_ChangesNothing()
    {
        var key = await _grid.SubmitAsync();
        await _grid.EndAsync(key);
        await _grid.Build(key).CancelAsync("too late");

        (await _grid.Build(key).GetStatusAsync()).State.ShouldBe(BuildState.Succeeded);
        await _grid.EndAsync(key);
    }

    [Fact]
    public async Task Report_RepeatedOrStale_ReplacesNothing()
    {
        Extends();
        _grid.Node.Holds = i => i is DetectWork;
        var key = await _grid.SubmitAsync();
        var detect = await _grid.Node.StartedAsync<DetectWork>();
        var analyze = await _grid.Node.StartedAsync<AnalyzeWork>();
        await ScriptedNode.ReportAsync(_grid.Grains, analyze.Owner, new WorkReport(analyze.Handle) { Result = new AnalyzeDone(Samples.Analyzed("evil")) });
        await ScriptedNode.ReportAsync(_grid.Grains, analyze.Owner, new WorkReport(analyze.Handle) { Failure = new Failure(1, "late") });
        await ScriptedNode.ReportAsync(_grid.Grains, analyze.Owner, new WorkReport(key + "/Export#1") { Result = new ExportDone(Samples.Report("early")) });
        await ScriptedNode.ReportAsync(_grid.Grains, detect.Owner, new WorkReport(key + "/Detect#7") { Failure = new Failure(1, "another attempt") });
        _grid.Node.Finish(detect);
        var end = await _grid.EndAsync(key);
        await ScriptedNode.ReportAsync(_grid.Grains, analyze.Owner, new WorkReport(key + "/Export#1") { Result = new ExportDone(Samples.Report("late")) });

        end.State.ShouldBe(BuildState.Succeeded, end.Failure?.Message);
        _grid.Node.Started.OfType<StepWork>().Single(s => s.Name.Kind == ImageKind.Build).Input.BaseLocation.ShouldContain("/builder@");
        (await _grid.Build(key).GetStatusAsync()).Image!.Digest.ShouldBe(Samples.DigestOf(key).ToString());
    }

    [Fact]
    public async Task A_phase_that_is_interrupted_without_a_cancel_fails_the_build()
    {
        _grid.Node.Holds = i => i is BuildWork;
        var key = await _grid.SubmitAsync();
        _grid.Node.Cancel((await _grid.Node.StartedAsync<BuildWork>()).Handle);

        var end = await _grid.EndAsync(key);
        end.State.ShouldBe(BuildState.Failed);
        end.Failure!.Message.ShouldContain("interrupted");
    }

    [Fact]
    public async Task A_node_that_cannot_be_put_in_order_does_not_hide_the_end_of_the_build()
    {
        _grid.Node.OnRelease = _ => throw new IOException("directory not empty");
        var key = await _grid.SubmitAsync();

        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        _grid.Events.Of(key).OfType<OutputWritten>().ShouldContain(o => o.Text.Contains("directory not empty"));
    }

    [Fact]
    public async Task A_write_that_fails_once_loses_no_report()
    {
        var failed = 0;
        _grid.Node.Holds = i => i is AnalyzeWork;
        var key = await _grid.SubmitAsync();
        var analyze = await _grid.Node.StartedAsync<AnalyzeWork>();
        _grid.Storage.BeforeWrite = (name, _) =>
        {
            if (name == "build" && Interlocked.Exchange(ref failed, 1) == 0)
                throw new IOException("disk full");
        };
        _grid.Node.Finish(analyze);

        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        failed.ShouldBe(1);
    }

    [Fact]
    public async Task A_build_that_could_not_be_written_can_be_submitted_again()
    {
        var key = TestGrid.NewKey();
        var failed = 0;
        _grid.Storage.BeforeWrite = (name, _) =>
        {
            if (name == "build" && Interlocked.Exchange(ref failed, 1) == 0)
                throw new IOException("disk full");
        };
        await Should.ThrowAsync<Orleans.Runtime.OrleansException>(() => _grid.Build(key).SubmitAsync(Samples.Request()));
        (await _grid.Build(key).SubmitAsync(Samples.Request())).State.ShouldBe(BuildState.Running);
        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
    }

    [Fact]
    public async Task A_build_that_was_not_stored_is_accepted_only_when_it_is_submitted_again()
    {
        var key = TestGrid.NewKey();
        var failed = 0;
        // The queue has let it in, and the app cannot say what it starts from.
        _grid.Storage.BeforeRead = (name, _) =>
        {
            if (name == "app" && Interlocked.Exchange(ref failed, 1) == 0)
                throw new IOException("storage does not answer");
        };
        await Should.ThrowAsync<Orleans.Runtime.OrleansException>(() => _grid.Build(key).SubmitAsync(Samples.Request()));

        (await _grid.Build(key).SubmitAsync(Samples.Request())).State.ShouldBe(BuildState.Running);
        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
    }

    [Fact]
    public async Task What_cannot_be_done_at_the_end_is_done_later_and_nothing_comes_behind_the_end()
    {
        var failed = 0;
        _grid.Storage.BeforeWrite = (name, _) =>
        {
            if (name == "app" && Interlocked.Increment(ref failed) <= 2)
                throw new IOException("storage does not answer");
        };
        var key = await _grid.SubmitAsync();
        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);

        while ((await TestGrid.AskAsync(() => _grid.Grains.GetGrain<IAppGrain>("tenant/app").GetAsync())).Builds.Length == 0)
            await Task.Delay(20, TestContext.Current.CancellationToken);
        failed.ShouldBeGreaterThan(2);
        _grid.Events.Of(key)[^1].ShouldBeOfType<BuildFinished>();
    }
}
