using System.Diagnostics;
using Grid.Buildpacks;
using Grid.Contracts;
using Grid.Contracts.Apps;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Queues;
using Grid.Contracts.Secrets;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Grains.Machines;
using Grid.Grains.Queues;
using Grid.Lifecycle;
using Grid.Oci;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;
using Orleans.Timers;

namespace Grid.Grains.Builds;

/// <inheritdoc cref="IBuildGrain"/>
/// <remarks>
/// Loads, lets <see cref="BuildMachine"/> decide, saves, performs. Effects are repeatable: a handle that runs is attached to. What a lost silo leaves
/// undone is made good by the queue, which says again where the build works; by a timer, when a node did not answer; and, when all of them are gone,
/// by the build's reminder.
/// </remarks>
[GrainType("grid.build")]
public sealed partial class BuildGrain(
    [PersistentState("build", GridStorage.Name)] IPersistentState<BuildGrainState> state,
    QueueOptions queues, IBuildEvents events, TimeProvider time, ILogger<BuildGrain> log, IReminderRegistry? reminders = null) : Grain, IBuildGrain, IRemindable
{
    private const string ReminderName = "unfinished";
    private const int MaxLostCalls = 30;
    private static readonly TimeSpan ReminderPeriod = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(2);
    private readonly BuildMetrics _metrics = new();
    private Activity? _span;
    private IGrainTimer? _retry;
    private IGrainTimer? _recall;
    private (int, string) _toldPlace;
    private int _lostCalls;
    private bool _finished;
    private bool _isAhead;
    private DateTimeOffset _asked;

    private string Key => this.GetPrimaryKeyString();

    private BuildGrainState State => state.State;

    private BuildRequest Request => State.Request ?? throw new InvalidOperationException($"build {Key} has not been submitted");

    private PhaseWork Work => new(Key, State, this.GetGrainId());

    private IQueueGrain Queue => GrainFactory.GetGrain<IQueueGrain>(Request.Pool);

    private IAppGrain App => GrainFactory.GetGrain<IAppGrain>($"{Request.Tenant}/{Request.App}");

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        EnsureRecall();
        // The build's own span ended with the silo it was on: what comes now is inside another one below it.
        if (State is { Request: not null, FinishedAt: null } && (_span = GridTelemetry.StartContinued("build continued", State.TraceParent)) is { } span)
        {
            span.SetTag("grid.build", Key);
            State.TraceParent = span.Id;
        }
        return Task.CompletedTask;
    }

    /// <summary>What is not stored yet would be told again, but only after the next reminder of the queue.</summary>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _span?.Dispose();
        return _isAhead ? SaveAsync() : Task.CompletedTask;
    }

    public async Task<BuildStatus> SubmitAsync(BuildRequest request)
    {
        if (State.Request is not null)
            return Status();
        try
        {
            return await AcceptAsync(request);
        }
        catch
        {
            // What was not stored is not accepted: who asks again meets a build that knows nothing, not one that only remembers half of it.
            DeactivateOnIdle();
            throw;
        }
    }

    private async Task<BuildStatus> AcceptAsync(BuildRequest request)
    {
        var now = time.GetUtcNow();
        var admission = await GrainFactory.GetGrain<ITenantGrain>(request.Tenant).AdmitAsync(request);
        if (admission.Refusal is { } refused)
        {
            BuildMetrics.Submitted("refused_by_policy");
            return new BuildStatus { BuildKey = Key, State = BuildState.Refused, Failure = new Failure((int)ExitCode.InvalidArgs, refused.Message) { Code = refused.Code } };
        }
        var answer = await GrainFactory.GetGrain<IQueueGrain>(request.Pool).EnqueueAsync(PhaseWork.Queued(Key, this.GetGrainId(), request, now, admission.Quota));
        if (answer.Refusal is { } refusal)
        {
            BuildMetrics.Submitted("refused_by_queue");
            return new BuildStatus { BuildKey = Key, State = BuildState.Refused, Failure = new Failure((int)ExitCode.Failed, refusal), RetryAfter = answer.RetryAfter };
        }
        if (reminders is not null)
            await reminders.RegisterOrUpdateReminder(this.GetGrainId(), ReminderName, ReminderPeriod, ReminderPeriod);
        _span = GridTelemetry.StartDetached("build", request.TraceParent);
        _span?.SetTag("grid.build", Key);
        (State.Request, State.Quota) = (request, admission.Quota);
        State.SubmittedAt = now;
        State.TraceParent = _span?.Id ?? request.TraceParent;
        State.BuildId = await BuildIds.ResolveAsync(GrainFactory, Key, request, time.GetUtcNow());
        events.Append(Key, new BuildStarted(Key, request.Targets[0]) { At = now });
        BuildMetrics.Submitted("accepted");
        using (GridTelemetry.Within(_span))
            LogAccepted(Key);
        var accepted = BuildMachine.Accept(PhaseWork.Skipped(request));
        if (State.BuildId.Length > 0)
            await AnsweredAsync(accepted, answer);
        else
            await ApplyAsync(BuildMachine.Refused(accepted, new Failure((int)ExitCode.InvalidArgs, $"build_id {request.BuildId}: the grid knows no such build of {request.App}; name another, or use pinned=UUID")));
        return Status();
    }

    public async Task CancelAsync(string reason)
    {
        // Nothing of a build that was never accepted is remembered.
        if (State.Request is not null)
            await ApplyAsync(BuildMachine.CancelRequested(State.Progress, reason));
    }

    public Task<BuildStatus> GetStatusAsync() => Task.FromResult(Status());

    public Task<Digest[]> GetContentAsync() => Task.FromResult(BuildMachine.IsOver(State.Progress) ? [] : BuildContent.Of(State).ToArray());

    public async Task<bool> ForgetAsync()
    {
        if (State.Request is not null && !BuildMachine.IsOver(State.Progress))
            return false;
        // Itself last: what is stored of it brings whoever comes again back here.
        await GrainFactory.GetGrain<IDetectionGrain>(Key).ForgetAsync();
        await Extender(ImageKind.Build).ForgetAsync();
        await Extender(ImageKind.Run).ForgetAsync();
        if (state.RecordExists)
            await state.ClearStateAsync();
        DeactivateOnIdle();
        return true;
    }

    public Task<BuildRequest?> GetRequestAsync() => Task.FromResult(State.Request);

    public async Task<bool> PlacedAsync(BuildPlacement placement)
    {
        if (State.Request is null)
            return false;
        var progress = State.Progress;
        if (!BuildMachine.IsOver(progress) && placement.Number > (progress.Placement?.Number ?? 0))
            await ApplyAsync(await PlaceAsync(progress, placement));
        else
            await PerformAsync(BuildMachine.Reconcile(progress));
        return !BuildMachine.IsOver(State.Progress);
    }

    public Task DroppedAsync(QueueDrop drop) => State.Request is null ? Task.CompletedTask : ApplyAsync(Dropped(State.Progress, drop));

    public Task<bool> MayPublishAsync(string handle) => Task.FromResult(MayPublish(handle));

    public async Task<PublishAnswer?> RequestPublishAsync(string handle)
    {
        if (!MayPublish(handle))
            return null;
        var (intent, answer) = PublishFence.Ask(State.Publishing, handle, time.GetUtcNow());
        if (answer.Granted)
        {
            State.Publishing = intent;
            await SaveAsync();
        }
        return answer;
    }

    private bool MayPublish(string handle) => Runs(Phase.Export) && Work.Handle(Phase.Export) == handle && State.Progress is { CancelReason: null, Failure: null };

    public async Task ReceiveReminder(string reminderName, TickStatus status)
    {
        if (State.Request is null)
            await RemoveReminderAsync();
        else if (BuildMachine.IsOver(State.Progress))
            await FinishAsync();
        // A build that waits and lives asks by its own timer.
        else if (time.GetUtcNow() - _asked > queues.Recall)
            await AskQueueAsync();
    }

    /// <summary>Asks where the build stands, which takes it in again when the queue has lost it.</summary>
    private async Task AskQueueAsync()
    {
        _asked = time.GetUtcNow();
        await AnsweredAsync(State.Progress, await Queue.EnqueueAsync(PhaseWork.Queued(Key, this.GetGrainId(), Request, State.SubmittedAt, State.Quota)));
    }

    /// <summary>A build that waits asks again now and then: the queue's silo may have died before it had stored that there is one.</summary>
    private void EnsureRecall()
    {
        if (State.Progress.State == BuildState.Queued)
        {
            _recall ??= this.RegisterGrainTimer(_ => State.Progress.State == BuildState.Queued ? AskQueueAsync() : Task.CompletedTask, new GrainTimerCreationOptions(queues.Recall, queues.Recall));
            return;
        }
        _recall?.Dispose();
        _recall = null;
    }

    public Task ReportAsync(WorkReport report)
    {
        if (Work.PhaseOf(report.Handle) is not { } phase || !Runs(phase))
            return Task.CompletedTask;
        switch (report.Result)
        {
            case AnalyzeDone { Source: null } when Request.Origin is not null:
                return EndedAsync(phase, done: false, new Failure((int)ExitCode.AnalyzeError, "its node is of an earlier version of Grid, which fetches no source: submit the build again when all nodes are upgraded, or upload the source"));
            case AnalyzeDone done:
                (State.Analyzed, State.Fetched) = (done.Result, done.Source);
                break;
            case PinDone done:
                State.Pinned = done.Result;
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

    public async Task DetectedAsync(DetectionOutcome outcome)
    {
        if (!Runs(Phase.Detect))
            return;
        var failure = outcome.Failure ?? await WhyNotAllowedAsync(outcome.Result);
        State.Detection = outcome.Result;
        await EndedAsync(Phase.Detect, outcome.Result is not null && failure is null, failure);
    }

    /// <summary>Which extensions and which run image a build uses is known from here on.</summary>
    private async Task<Failure?> WhyNotAllowedAsync(Detection? detection) =>
        detection is not null && State.Quota is not null && await GrainFactory.GetGrain<ITenantGrain>(Request.Tenant).GetAsync() is { } tenant
            && TenantPolicy.Check(tenant.Name, tenant.Settings, State.Analyzed!, detection) is { } refusal
            ? new Failure((int)ExitCode.GenerateError, refusal.Message) { Code = refusal.Code } : null;

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

    private Task EndedAsync(Phase phase, bool done, Failure? failure) => ApplyAsync(
        BuildMachine.PhaseEnded(State.Progress, phase, done ? PhaseState.Done : failure is null ? PhaseState.Cancelled : PhaseState.Failed, failure),
        isToldAgain: done && phase is (Phase.Restore or Phase.ExtendBuild or Phase.ExtendRun));

    /// <summary>The queue answered: the build runs, waits, or is out.</summary>
    private async Task AnsweredAsync(BuildProgress progress, QueueAnswer answer)
    {
        if (answer.Place is { } place && _toldPlace != (_toldPlace = (place.Position, place.Reason)))
            events.Append(Key, new BuildQueued(place.Position, place.Reason) { At = time.GetUtcNow(), EstimatedSeconds = place.Estimate?.TotalSeconds });
        if (answer.Placement is { } placement && placement.Number > (progress.Placement?.Number ?? 0))
            await ApplyAsync(await PlaceAsync(progress, placement));
        else if (answer.Dropped is { } drop)
            await ApplyAsync(Dropped(progress, drop));
        else
            await ApplyAsync(new Decision(progress, BuildMachine.Reconcile(progress)));
    }

    private async Task<Decision> PlaceAsync(BuildProgress progress, BuildPlacement placement)
    {
        // Not earlier: a build of the app that ran while this one waited has left something.
        if (progress.Placement is null)
            (State.History, State.StartedAt) = (PhaseWork.IsOfApp(Request) ? await App.GetAsync() : State.History, time.GetUtcNow());
        var decision = BuildMachine.Placed(progress, placement);
        foreach (var node in decision.Progress.LostNodes.Skip(progress.LostNodes.Count))
            events.Append(Key, new BuildMoved(node, placement.Home?.Node) { At = time.GetUtcNow() });
        return decision;
    }

    private static Decision Dropped(BuildProgress progress, QueueDrop drop) => drop.Kind is QueueDropKind.Replaced or QueueDropKind.Abandoned
        ? BuildMachine.CancelRequested(progress, drop.Reason)
        : BuildMachine.Refused(progress, new Failure((int)ExitCode.Failed, drop.Reason));

    /// <summary>Saves the decision, then performs what follows from it.</summary>
    /// <param name="decision">The decision.</param>
    /// <param name="isToldAgain">
    /// Whoever told the fact keeps it, and tells it again when asked for the phase (an extender from its own record, a node for as long as it has the
    /// directory that restore filled): while nothing follows from it, it is written with the next fact.
    /// </param>
    private async Task ApplyAsync(Decision decision, bool isToldAgain = false)
    {
        var before = State.Progress;
        if (decision.Effects.Count == 0 && ReferenceEquals(before, decision.Progress))
            return;
        if (!ReferenceEquals(before, decision.Progress))
        {
            State.Progress = decision.Progress;
            NoteTimes(before, decision.Progress);
            EnsureRecall();
            if (BuildMachine.IsOver(decision.Progress))
                State.FinishedAt ??= time.GetUtcNow();
            if (isToldAgain && decision.Effects.Count == 0)
                _isAhead = true;
            else
                await SaveAsync();
        }
        foreach (var phase in Enum.GetValues<Phase>().Where(p => before[p] == PhaseState.Running && decision.Progress[p] is not (PhaseState.Running or PhaseState.Waiting)))
        {
            using (GridTelemetry.Within(_span))
                _metrics.Finished(phase, decision.Progress[phase], time.GetUtcNow());
            events.Append(Key, new PhaseFinished(phase, decision.Progress[phase],
                decision.Progress[phase] == PhaseState.Failed ? decision.Progress.Failure?.Message : null) { At = time.GetUtcNow() });
        }
        await PerformAsync(decision.Effects);
    }

    /// <summary>Writes; when that fails the activation goes, so that the report that comes again meets what is stored.</summary>
    private async Task SaveAsync()
    {
        // Also when it fails: what is stored counts from then on.
        _isAhead = false;
        await this.SaveAsync(state);
    }

    private async Task PerformAsync(IReadOnlyList<BuildEffect> effects)
    {
        // Of all of them before the first is asked for: where a node or a silo does not answer, the others' beginning would be told after the build's end.
        foreach (var begun in effects.Where(e => e.Kind == BuildEffectKind.Start))
        {
            _metrics.Started(begun.Phase!.Value, time.GetUtcNow());
            events.Append(Key, new PhaseStarted(begun.Phase.Value) { At = time.GetUtcNow() });
        }
        foreach (var effect in effects)
        {
            try
            {
                await PerformAsync(effect);
            }
            catch (Exception e) when (e is OrleansException or TimeoutException or IOException && ++_lostCalls <= MaxLostCalls)
            {
                // The node or a silo is going away under the call: the queue will say where to go on, or it answers the next time.
                _retry ??= this.RegisterGrainTimer(RetryAsync, new GrainTimerCreationOptions(RetryDelay, RetryDelay));
            }
            catch (Exception e) when (e is not OperationCanceledException && effect.Kind is BuildEffectKind.Start or BuildEffectKind.Attach)
            {
                // The phase could not even be started: that is its failure. Nothing is lost, the state says so.
                await EndedAsync(effect.Phase!.Value, done: false, new Failure(1, $"{effect.Phase} could not be started: {e.Message}"));
            }
        }
    }

    private async Task RetryAsync(CancellationToken cancellationToken)
    {
        _retry?.Dispose();
        _retry = null;
        await PerformAsync(BuildMachine.Reconcile(State.Progress));
        if (_retry is null)
            _lostCalls = 0;
    }

    private async Task PerformAsync(BuildEffect effect)
    {
        switch (effect.Kind)
        {
            case BuildEffectKind.Finish:
                await FinishAsync();
                break;
            case BuildEffectKind.Cancel:
                await CancelPhaseAsync(effect.Phase!.Value);
                break;
            case BuildEffectKind.Start:
                await StartPhaseAsync(effect.Phase!.Value);
                break;
            default:
                // Something may have ended it since the effect was decided.
                if (Runs(effect.Phase!.Value))
                    await StartPhaseAsync(effect.Phase.Value);
                break;
        }
    }

    private Task StartPhaseAsync(Phase phase) => phase switch
    {
        Phase.Analyze => Worker.StartAsync(Work.Analyze()),
        Phase.Detect => GrainFactory.GetGrain<IDetectionGrain>(Key).StartAsync(Work.Detect(), State.Progress.Placement!.Home!.Node),
        Phase.Restore => Worker.StartAsync(Work.Restore()),
        Phase.ExtendBuild => Extender(ImageKind.Build).StartAsync(Work.Extend(ImageKind.Build)),
        Phase.ExtendRun => Extender(ImageKind.Run).StartAsync(Work.Extend(ImageKind.Run)),
        Phase.Build => Worker.StartAsync(Work.Build()),
        Phase.Export => Worker.StartAsync(Work.Export()),
        _ => throw new InvalidOperationException($"no phase {phase}"),
    };

    private async Task CancelPhaseAsync(Phase phase)
    {
        switch (phase)
        {
            case Phase.Detect:
                await GrainFactory.GetGrain<IDetectionGrain>(Key).CancelAsync();
                break;
            case Phase.ExtendBuild or Phase.ExtendRun:
                if (!await Extender(phase == Phase.ExtendBuild ? ImageKind.Build : ImageKind.Run).CancelAsync())
                    await EndedAsync(phase, done: false, failure: null);
                break;
            default:
                if (Runs(phase) && !await Worker.StopAsync(Work.Handle(phase)))
                    await EndedAsync(phase, done: false, failure: null);
                break;
        }
    }

    private BuildStatus Status() => BuildAnswers.StatusOf(Key, State);

    private IWorkerGrain Worker => GrainFactory.GetGrain<IWorkerGrain>(State.Progress.Placement!.Home!.Node);

    private IExtenderGrain Extender(ImageKind kind) => GrainFactory.GetGrain<IExtenderGrain>(ExtenderKeys.Of(Key, kind));
}
