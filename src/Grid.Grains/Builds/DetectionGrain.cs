using Grid.Contracts.Builds;
using Grid.Contracts.Work;
using Orleans.Runtime;

namespace Grid.Grains.Builds;

/// <summary>What is stored of a detection.</summary>
[GenerateSerializer, Alias("grid.DetectionState")]
public sealed class DetectionGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    /// <summary>Handle of the work at the node, while it runs.</summary>
    [Id(1)] public string? Running { get; set; }

    [Id(2)] public DetectionOutcome? Outcome { get; set; }

    /// <summary>Node the work is at.</summary>
    [Id(3)] public string Node { get; set; } = "";
}

/// <inheritdoc cref="IDetectionGrain"/>
[GrainType("grid.detection")]
public sealed class DetectionGrain(
    [PersistentState("detection", GridStorage.Name)] IPersistentState<DetectionGrainState> state, TimeProvider time) : Grain, IDetectionGrain
{
    private IBuildGrain Build => GrainFactory.GetGrain<IBuildGrain>(this.GetPrimaryKeyString());

    private IWorkerGrain Worker => GrainFactory.GetGrain<IWorkerGrain>(state.State.Node);

    public async Task StartAsync(DetectWork work, string node)
    {
        if (state.State.Outcome is { } outcome)
        {
            Tell(outcome);
            return;
        }
        if (state.State.Running != work.Handle)
        {
            (state.State.Node, state.State.Running) = (node, work.Handle);
            await SaveAsync();
        }
        await Worker.StartAsync(work with { Owner = this.GetGrainId() });
    }

    public async Task CancelAsync()
    {
        if (state.State.Outcome is { } outcome)
            Tell(outcome);
        else if (state.State.Running is not { } handle || !await Worker.StopAsync(handle))
            Tell(new DetectionOutcome());
    }

    public async Task ForgetAsync()
    {
        if (state.RecordExists)
            await state.ClearStateAsync();
        DeactivateOnIdle();
    }

    public async Task ReportAsync(WorkReport report)
    {
        if (report.Handle != state.State.Running)
            return;
        var outcome = new DetectionOutcome { Result = (report.Result as DetectDone)?.Result, Failure = report.Failure };
        state.State.Running = null;
        // A cancelled detection has no outcome to remember: the build is told and ends.
        state.State.Outcome = report.Cancelled ? null : outcome;
        await SaveAsync();
        Tell(outcome);
    }

    /// <summary>Writes; when that fails, what is stored counts again: the report comes again and must meet it.</summary>
    private Task SaveAsync() => this.SaveOrReadAsync(state);

    /// <summary>Not awaited: the build may be in the middle of the call that led here.</summary>
    private void Tell(DetectionOutcome outcome)
    {
        var build = Build;
        Notice.RepeatAsync(() => build.DetectedAsync(outcome), time).Ignore();
    }
}
