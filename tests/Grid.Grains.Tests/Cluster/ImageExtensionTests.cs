using Grid.Contracts.Apps;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Dockerfiles;

namespace Grid.Grains.Tests.Cluster;

public sealed class ImageExtensionTests : IAsyncLifetime
{
    private const string From = "ARG base_image\nFROM ${base_image}\n";
    private TestGrid _grid = null!;

    public async ValueTask InitializeAsync() => _grid = await TestGrid.StartAsync();

    public async ValueTask DisposeAsync() => await _grid.DisposeAsync();

    [Fact]
    public async Task The_image_is_extended_and_published_without_an_app()
    {
        var key = await StartAsync("RUN tools\nENV A=b\n");
        var end = await _grid.EndAsync(key);
        (end.State, end.ExitCode).ShouldBe((BuildState.Succeeded, 0));
        end.Image!.Digest.ShouldBe(Samples.DigestOf(key).ToString());
        var publish = _grid.Node.Started.OfType<PublishWork>().Single();
        publish.Targets.ShouldBe(["registry.example/extended"]);
        publish.Image.Added.Count.ShouldBe(1);
        publish.Image.Config.Config.Env.ShouldBe(["PATH=/usr/bin", "A=b"]);
        _grid.Events.Of(key).OfType<PhaseFinished>().Select(e => (e.Phase, e.State)).ShouldBe([(Phase.Analyze, PhaseState.Done), (Phase.ExtendRun, PhaseState.Done), (Phase.Export, PhaseState.Done)]);
        (await _grid.Build(key).GetStatusAsync()).Phases.ShouldBe(
            [PhaseState.Done, PhaseState.Skipped, PhaseState.Skipped, PhaseState.Skipped, PhaseState.Done, PhaseState.Skipped, PhaseState.Done]);
        (await _grid.Grains.GetGrain<IAppGrain>("tenant/extended").GetAsync()).Builds.ShouldBeEmpty();
        var details = (await _grid.Build(key).GetDetailsAsync())!;
        details.Dockerfiles.Single().FileName.ShouldBe("Dockerfile");
        details.Layers.Select(l => l.Origin).ShouldBe([LayerOrigin.Base, LayerOrigin.Extension]);
        _grid.Node.Released.ShouldContain(key);
    }

    [Fact]
    public async Task A_second_one_finds_the_steps_of_the_first()
    {
        await _grid.EndAsync(await StartAsync("RUN once\n"));
        var second = await StartAsync("RUN once\n");
        await _grid.EndAsync(second);
        _grid.Events.Of(second).OfType<StepFinished>().Single().Source.ShouldBe(StepSource.Cached);
        _grid.Node.Started.OfType<StepWork>().Count().ShouldBe(1);
    }

    [Fact]
    public async Task A_failed_step_is_the_end_with_its_exit_code()
    {
        _grid.Node.Script = item => item is StepWork ? new Failure(102, "RUN broke") : null;
        var end = await _grid.EndAsync(await StartAsync("RUN broken\n"));
        (end.State, end.ExitCode, end.Failure!.Phase, end.Failure.Message).ShouldBe((BuildState.Failed, 102, Phase.ExtendRun, "RUN broke"));
        _grid.Node.Started.OfType<PublishWork>().ShouldBeEmpty();
    }

    [Fact]
    public async Task What_cannot_be_published_fails_in_export()
    {
        _grid.Node.Script = item => item is PublishWork ? new Failure(62, "no room") : null;
        var end = await _grid.EndAsync(await StartAsync("RUN fine\n"));
        (end.State, end.ExitCode, end.Failure!.Phase).ShouldBe((BuildState.Failed, 62, Phase.Export));
    }

    [Fact]
    public async Task What_cannot_be_pinned_fails_in_analyze()
    {
        _grid.Node.Script = item => item is PinWork ? new Failure(101, "there is no image") : null;
        var end = await _grid.EndAsync(await StartAsync("RUN fine\n"));
        (end.State, end.ExitCode, end.Failure!.Phase).ShouldBe((BuildState.Failed, 101, Phase.Analyze));
        _grid.Node.Started.OfType<StepWork>().ShouldBeEmpty();
    }

    [Fact]
    public async Task A_build_image_is_extended_where_a_build_would_extend_it()
    {
        var key = await _grid.SubmitAsync(Samples.Extension(ImageKind.Build, From + "RUN tools\n"));
        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        _grid.Node.Started.OfType<PublishWork>().Single().Image.Added.Count.ShouldBe(1);
        _grid.Events.Of(key).OfType<PhaseFinished>().Select(e => e.Phase).ShouldBe([Phase.Analyze, Phase.ExtendBuild, Phase.Export]);
    }

    [Fact]
    public async Task A_rebase_is_an_export_and_nothing_else()
    {
        var key = await _grid.SubmitAsync(Samples.Rebase());
        var end = await _grid.EndAsync(key);
        (end.State, end.Image!.Digest).ShouldBe((BuildState.Succeeded, Samples.DigestOf(key).ToString()));
        _grid.Node.Started.ShouldHaveSingleItem().ShouldBeOfType<RebaseWork>().Image.ShouldBe("registry.example/rebased");
        _grid.Events.Of(key).OfType<PhaseFinished>().Select(e => e.Phase).ShouldBe([Phase.Export]);
        (await _grid.Grains.GetGrain<IAppGrain>("tenant/rebased").GetAsync()).Builds.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Cancelling_stops_what_runs(bool publishing)
    {
        _grid.Node.Holds = item => publishing ? item is PublishWork : item is StepWork;
        var key = await StartAsync("RUN slow\n");
        WorkItem running = publishing ? await _grid.Node.StartedAsync<PublishWork>() : await _grid.Node.StartedAsync<StepWork>();
        await _grid.Build(key).CancelAsync("stop");
        var end = await _grid.EndAsync(key);
        end.State.ShouldBe(BuildState.Cancelled);
        end.Failure!.Message.ShouldBe("cancelled: stop");
        _grid.Node.Cancelled.ShouldContain(running.Handle);
    }

    [Fact]
    public async Task An_end_is_told_although_the_node_cannot_clean_up()
    {
        _grid.Node.OnRelease = _ => throw new IOException("busy");
        var key = await StartAsync("RUN tools\n");
        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        _grid.Events.Of(key).OfType<OutputWritten>().Single().Text.ShouldContain("busy");
    }

    private Task<string> StartAsync(string text) => _grid.SubmitAsync(Samples.Extension(ImageKind.Run, From + text));
}
