using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Dockerfiles;

namespace Grid.Grains.Tests.Cluster;

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

    private Task KillSiloOfAsync(IGrainWithStringKey grain) => _grid.KillSiloOfAsync(grain);

    [Fact]
    public async Task A_build_whose_silo_dies_can_be_read_and_goes_on_with_the_next_report()
    {
        var key = await _grid.SubmitAsync();
        var step = await _grid.Node.StartedAsync<StepWork>();
        await _grid.Events.FirstAsync<PhaseFinished>(key, e => e.Phase == Phase.Build);
        await KillSiloOfAsync(_grid.Build(key));

        var status = await _grid.Build(key).GetStatusAsync();
        status.State.ShouldBe(BuildState.Running);
        status.Phases[(int)Phase.Build].ShouldBe(PhaseState.Done);
        status.Phases[(int)Phase.ExtendRun].ShouldBe(PhaseState.Running);
        _grid.Node.Finish(step);
        (await _grid.EndAsync(key)).State.ShouldBe(BuildState.Succeeded);
        _grid.Node.Started.OfType<BuildWork>().Count().ShouldBe(1);
    }

    [Fact]
    public async Task A_running_step_whose_extender_dies_is_taken_up_by_its_report()
    {
        var key = await _grid.SubmitAsync();
        var step = await _grid.Node.StartedAsync<StepWork>();
        await _grid.Events.FirstAsync<PhaseFinished>(key, e => e.Phase == Phase.Build);
        await KillSiloOfAsync(_grid.Grains.GetGrain<IExtenderGrain>(key + "/run"));
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
        await KillSiloOfAsync(_grid.Grains.GetGrain<IExtenderGrain>(second + "/run"));
        // Somebody asks for the chain again, as a reconciling build does.
        await _grid.Grains.GetGrain<IExtenderGrain>(second + "/run").StepReleasedAsync("any");
        _grid.Node.Finish(step);

        (await _grid.EndAsync(first)).State.ShouldBe(BuildState.Succeeded);
        (await _grid.EndAsync(second)).State.ShouldBe(BuildState.Succeeded);
        _grid.Node.Started.OfType<StepWork>().Count().ShouldBe(1);
    }
}
