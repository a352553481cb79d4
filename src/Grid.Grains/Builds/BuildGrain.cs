using System.Diagnostics;
using Grid.Buildpacks;
using Grid.Contracts;
using Grid.Contracts.Apps;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Grains.Machines;
using Orleans.Runtime;

namespace Grid.Grains.Builds;

/// <inheritdoc cref="IBuildGrain"/>
/// <remarks>Loads, lets <see cref="BuildMachine"/> decide, saves, performs. Effects are repeatable: a handle that runs is attached to.</remarks>
[GrainType("grid.build")]
public sealed class BuildGrain(
    [PersistentState("build", GridStorage.Name)] IPersistentState<BuildGrainState> state,
    GridNode node, IBuildEvents events, TimeProvider time) : Grain, IBuildGrain
{
    private Activity? _span;

    private string Key => this.GetPrimaryKeyString();

    private BuildGrainState State => state.State;

    private BuildRequest Request => State.Request ?? throw new InvalidOperationException($"build {Key} has not been submitted");

    public async Task<BuildStatus> SubmitAsync(BuildRequest request)
    {
        if (State.Request is not null)
            return Status();
        _span = GridTelemetry.StartDetached("build", request.TraceParent);
        _span?.SetTag("grid.build", Key);
        var history = await GrainFactory.GetGrain<IAppGrain>($"{request.Tenant}/{request.App}").GetAsync();
        State.Request = request;
        State.TraceParent = _span?.Id ?? request.TraceParent;
        State.Node = node.Name;
        State.BuildId = await BuildIdAsync(request);
        State.History = history;
        State.StartedAt = time.GetUtcNow();
        events.Append(Key, new BuildStarted(Key, request.Targets[0]) { At = time.GetUtcNow() });
        await ApplyAsync(BuildMachine.Accept());
        if (State.BuildId.Length == 0)
            await EndedAsync(Phase.Analyze, done: false, new Failure((int)ExitCode.InvalidArgs, $"build_id {request.BuildId}: the grid knows no such build of {request.App}; name another, or use pinned=UUID"));
        return Status();
    }

    /// <summary>The value of <c>build_id</c>; empty when the build that shall be replayed is not known.</summary>
    private async Task<string> BuildIdAsync(BuildRequest request)
    {
        var policy = BuildIdPolicy.Parse(request.BuildId);
        string? replayed = null;
        if (policy.Kind == BuildIdKind.Replay)
        {
            var key = policy.Value != "last" ? policy.Value.StartsWith(request.Tenant + "/", StringComparison.Ordinal) ? policy.Value : $"{request.Tenant}/{policy.Value}"
                : (await GrainFactory.GetGrain<IAppGrain>($"{request.Tenant}/{request.App}").GetAsync()).Builds.FirstOrDefault()?.BuildKey;
            replayed = key is null || key == Key ? "" : (await GrainFactory.GetGrain<IBuildGrain>(key).GetStatusAsync()).BuildId;
        }
        return policy.Resolve(request.Tenant, time.GetUtcNow(), Guid.NewGuid(), replayed);
    }

    public Task CancelAsync(string reason) => ApplyAsync(BuildMachine.CancelRequested(State.Progress, reason));

    public Task<BuildStatus> GetStatusAsync() => Task.FromResult(Status());

    public Task<BuildRequest?> GetRequestAsync() => Task.FromResult(State.Request);

    public Task ReportAsync(WorkReport report)
    {
        var phase = Enum.GetValues<Phase>().FirstOrDefault(p => Handle(p) == report.Handle, (Phase)(-1));
        if ((int)phase < 0 || !Runs(phase))
            return Task.CompletedTask;
        switch (report.Result)
        {
            case AnalyzeDone done:
                State.Analyzed = done.Result;
                break;
            case BuildDone done:
                State.App = done.App;
                break;
            case ExportDone done:
                State.Image = new PublishedImage(done.Report.Digest.ToString(), [.. done.Report.Pinned]);
                break;
        }
        return EndedAsync(phase, report.Result is not null, report.Failure);
    }

    public Task DetectedAsync(DetectionOutcome outcome)
    {
        if (!Runs(Phase.Detect))
            return Task.CompletedTask;
        State.Detection = outcome.Result;
        return EndedAsync(Phase.Detect, outcome.Result is not null, outcome.Failure);
    }

    public Task ExtendedAsync(ExtensionOutcome outcome)
    {
        var phase = outcome.Kind == ImageKind.Build ? Phase.ExtendBuild : Phase.ExtendRun;
        if (!Runs(phase))
            return Task.CompletedTask;
        if (outcome is { Kind: ImageKind.Build, Result: not null })
            (State.BuildImage, State.BuildRecords) = (outcome.Result, outcome.Records);
        else if (outcome is { Kind: ImageKind.Run, Result: not null })
            (State.RunImage, State.RunRecords) = (outcome.Result, outcome.Records);
        return EndedAsync(phase, outcome.Result is not null, outcome.Failure);
    }

    /// <summary>Answers count only while their phase runs: a repeated or late one must not replace what later phases work with.</summary>
    private bool Runs(Phase phase) => State.Progress.State == BuildState.Running && State.Progress[phase] == PhaseState.Running;

    private Task EndedAsync(Phase phase, bool done, Failure? failure) =>
        ApplyAsync(BuildMachine.PhaseEnded(State.Progress, phase, done ? PhaseState.Done : failure is null ? PhaseState.Cancelled : PhaseState.Failed, failure));

    /// <summary>Saves the decision, then performs what follows from it.</summary>
    private async Task ApplyAsync(Decision decision)
    {
        var before = State.Progress;
        if (decision.Effects.Count == 0 && ReferenceEquals(before, decision.Progress))
            return;
        State.Progress = decision.Progress;
        if (decision.Progress.State is not BuildState.Running)
            State.FinishedAt ??= time.GetUtcNow();
        await SaveAsync();
        foreach (var phase in Enum.GetValues<Phase>().Where(p => before[p] == PhaseState.Running && decision.Progress[p] != PhaseState.Running))
        {
            events.Append(Key, new PhaseFinished(phase, decision.Progress[phase],
                decision.Progress[phase] == PhaseState.Failed ? decision.Progress.Failure?.Message : null) { At = time.GetUtcNow() });
        }
        foreach (var effect in decision.Effects)
            await PerformAsync(effect);
    }

    /// <summary>Writes; when that fails the activation goes, so that the report that comes again meets what is stored.</summary>
    private async Task SaveAsync()
    {
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            DeactivateOnIdle();
            throw;
        }
    }

    private async Task PerformAsync(BuildEffect effect)
    {
        try
        {
            if (effect.Kind == BuildEffectKind.Finish)
            {
                await FinishAsync();
            }
            else if (effect.Kind == BuildEffectKind.Cancel)
            {
                await CancelPhaseAsync(effect.Phase!.Value);
            }
            else
            {
                events.Append(Key, new PhaseStarted(effect.Phase!.Value) { At = time.GetUtcNow() });
                await StartPhaseAsync(effect.Phase.Value);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException && effect.Kind == BuildEffectKind.Start)
        {
            // The phase could not even be started: that is its failure. Nothing is lost, the state says so.
            await EndedAsync(effect.Phase!.Value, done: false, new Failure(1, $"{effect.Phase} could not be started: {e.Message}"));
        }
    }

    private Task StartPhaseAsync(Phase phase) => phase switch
    {
        Phase.Analyze => Worker.StartAsync(new AnalyzeWork
        {
            Handle = Handle(phase), BuildKey = Key, Owner = this.GetGrainId(), TraceParent = State.TraceParent,
            Builder = Request.Builder, Targets = Request.Targets, RunImage = Request.RunImage, PreviousImage = Request.PreviousImage,
        }),
        Phase.Detect => GrainFactory.GetGrain<IDetectionGrain>(Key).StartAsync(new DetectWork
        {
            Handle = Handle(phase), BuildKey = Key, Owner = this.GetGrainId(), TraceParent = State.TraceParent,
            Analyzed = State.Analyzed!, Source = Request.Source, Environment = Request.Environment, Targets = Request.Targets,
        }),
        Phase.Restore => Worker.StartAsync(new RestoreWork
        {
            Handle = Handle(phase), BuildKey = Key, Owner = this.GetGrainId(), TraceParent = State.TraceParent,
            Analyzed = State.Detection!.Analyzed, Group = State.Detection.Group, Cache = State.History.Cache,
        }),
        Phase.ExtendBuild => StartExtenderAsync(ImageKind.Build),
        Phase.ExtendRun => StartExtenderAsync(ImageKind.Run),
        Phase.Build => Worker.StartAsync(new BuildWork
        {
            Handle = Handle(phase), BuildKey = Key, Owner = this.GetGrainId(), TraceParent = State.TraceParent,
            Detection = State.Detection!, BuildImage = State.BuildImage!,
            Source = Request.Source, Environment = Request.Environment, Cache = State.History.Cache,
        }),
        Phase.Export => Worker.StartAsync(new ExportWork
        {
            Handle = Handle(phase), BuildKey = Key, Owner = this.GetGrainId(), TraceParent = State.TraceParent,
            Detection = State.Detection!, RunImage = State.RunImage!, App = State.App!, Targets = Request.Targets,
            DefaultProcess = Request.DefaultProcess, SourceDateEpoch = Request.SourceDateEpoch,
            Labels = ExtensionLabel.For([.. State.BuildRecords, .. State.RunRecords], withDates: Request.SourceDateEpoch is null),
            Packages = ExtensionChain.PackagesOf(State.RunRecords),
        }),
        _ => throw new InvalidOperationException($"no phase {phase}"),
    };

    private Task StartExtenderAsync(ImageKind kind) => GrainFactory.GetGrain<IExtenderGrain>(ExtenderKey(kind)).StartAsync(new ExtendRequest
    {
        BuildKey = Key,
        Kind = kind,
        Base = kind == ImageKind.Build ? State.Analyzed!.Builder : State.Detection!.Analyzed.RunImage,
        Dockerfiles = [.. State.Detection!.Dockerfiles.Where(d => d.Kind == kind)],
        Scope = Request.Tenant,
        BuildId = State.BuildId,
        Previous = [.. PriorSteps.Records(State.History, State.Analyzed!, Request.Targets[0]).Where(e => e.Kind == kind)],
        Prior = kind == ImageKind.Run ? PriorSteps.Image(State.Analyzed!, Request.Targets[0]) : null,
        Builder = State.Analyzed!.Builder.Manifest.Digest,
        StartedAt = State.StartedAt,
        BuildIdIsFresh = BuildIdPolicy.Parse(Request.BuildId).Kind == BuildIdKind.PerBuild,
        Refresh = Request.RefreshExtensions,
        TraceParent = State.TraceParent,
        Node = State.Node,
        Owner = this.GetGrainId(),
    });

    private Task CancelPhaseAsync(Phase phase) => phase switch
    {
        Phase.Detect => GrainFactory.GetGrain<IDetectionGrain>(Key).CancelAsync(),
        Phase.ExtendBuild => GrainFactory.GetGrain<IExtenderGrain>(ExtenderKey(ImageKind.Build)).CancelAsync(),
        Phase.ExtendRun => GrainFactory.GetGrain<IExtenderGrain>(ExtenderKey(ImageKind.Run)).CancelAsync(),
        _ => Worker.CancelAsync(Handle(phase)),
    };

    private async Task FinishAsync()
    {
        var progress = State.Progress;
        if (progress.State == BuildState.Succeeded)
        {
            await TryToFinishAsync("the app's history", () => GrainFactory.GetGrain<IAppGrain>($"{Request.Tenant}/{Request.App}").PublishedAsync(new AppBuild
            {
                Summary = new AppBuildSummary(Key, State.Image!, time.GetUtcNow()),
                Cache = State.App!.Cache,
                Extensions = [.. State.BuildRecords, .. State.RunRecords],
            }));
        }
        await TryToFinishAsync("what the build left on its node", () => Worker.ReleaseAsync(Key));
        events.Append(Key, new BuildFinished(progress.State, ExitCodeOf(progress)) { At = time.GetUtcNow(), Failure = Status().Failure, Image = State.Image });
        if (progress.State == BuildState.Failed)
            _span.Fail(progress.Failure!.Message);
        _span?.SetTag("grid.build.state", progress.State.ToString());
        _span?.Dispose();
        _span = null;
    }

    /// <summary>The build's end is decided: what goes wrong behind it is said, and whoever watches is told of the end all the same.</summary>
    private async Task TryToFinishAsync(string what, Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            events.Append(Key, new OutputWritten(Phase.Export, $"Warning: {what} could not be put in order: {e.Message}\n", IsError: true) { At = time.GetUtcNow() });
        }
    }

    private BuildStatus Status() => new()
    {
        BuildKey = Key,
        State = State.Progress.State,
        Failure = State.Progress.Failure ?? (State.Progress.State == BuildState.Cancelled ? new Failure((int)ExitCode.Failed, $"cancelled: {State.Progress.CancelReason}") : null),
        Image = State.Progress.State == BuildState.Succeeded ? State.Image : null,
        BuildId = State.BuildId,
        Phases = [.. State.Progress.Phases],
        FinishedAt = State.FinishedAt,
    };

    private static int ExitCodeOf(BuildProgress progress) =>
        progress.State == BuildState.Succeeded ? 0 : progress.Failure?.ExitCode ?? (int)ExitCode.Failed;

    private IWorkerGrain Worker => GrainFactory.GetGrain<IWorkerGrain>(State.Node);

    private string ExtenderKey(ImageKind kind) => $"{Key}/{(kind == ImageKind.Build ? "build" : "run")}";

    private string Handle(Phase phase) => $"{Key}/{phase}#1";
}
