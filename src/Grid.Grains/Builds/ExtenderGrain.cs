using System.Diagnostics;
using Grid.Buildpacks;
using Grid.Contracts;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Steps;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Syntax;
using Grid.Grains.Machines;
using Grid.Grains.Steps;
using Grid.Lifecycle.Extend;
using Grid.Oci.Images;
using Orleans.Runtime;
using Orleans.Storage;

namespace Grid.Grains.Builds;

/// <summary>What is stored of a chain.</summary>
[GenerateSerializer, Alias("grid.ExtenderState")]
public sealed class ExtenderGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public ExtendRequest? Request { get; set; }

    [Id(2)] public ChainPosition? Position { get; set; }

    /// <summary>Handle of the step at the node, while it runs: the next step after <see cref="Position"/>.</summary>
    [Id(3)] public string? Running { get; set; }

    /// <summary>The next step is run by another build.</summary>
    [Id(4)] public bool Waiting { get; set; }

    [Id(5)] public bool CancelRequested { get; set; }

    [Id(6)] public ExtensionOutcome? Outcome { get; set; }

    /// <summary>How often the running step lost its lease: part of its handle, so that what was started before is not attached to.</summary>
    [Id(8)] public int LostLeases { get; set; }

    /// <summary>What became of the steps up to <see cref="Position"/>, and of the one behind it.</summary>
    [Id(90)] public List<StepStatus> Steps { get; set; } = [];
}

/// <inheritdoc cref="IExtenderGrain"/>
/// <remarks>
/// Walks the chain: what only changes the configuration is applied at once, everything else is claimed at its <see cref="IStepGrain"/>. State
/// is written before a step is started and at the end; a chain that is all cached is written once. A timer makes good whatever is lost between
/// grains: it starts the running step again (which attaches), and asks again for the one that is waited for.
/// </remarks>
[GrainType("grid.extender")]
public sealed partial class ExtenderGrain(
    [PersistentState("extender", GridStorage.Name)] IPersistentState<ExtenderGrainState> state,
    IContexts contexts, StepCacheOptions options, IBuildEvents events, TimeProvider time) : Grain, IExtenderGrain
{
    private const int MaxLostCalls = 12;
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(5);
    private ExtensionChain? _chain;
    private StepCache? _cache;
    private IGrainTimer? _timer;
    private Activity? _span;
    private Activity? _stepSpan;
    private long _stepStarted;
    private int _lostCalls;

    private ExtenderGrainState State => state.State;

    private ExtendRequest Request => State.Request ?? throw new InvalidOperationException($"{this.GetPrimaryKeyString()} has not been started");

    private Phase Phase => Request.Kind == ImageKind.Build ? Phase.ExtendBuild : Phase.ExtendRun;

    private IWorkerGrain Worker => GrainFactory.GetGrain<IWorkerGrain>(Request.Node);

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // The chain moved here from a silo that went away.
        if (State is not { Request: not null, Outcome: null })
            return;
        await FetchContextsAsync(Request, cancellationToken);
        EnsureTimer();
    }

    /// <summary>Spans end with the silo they were on; what is below them must not hang in the air.</summary>
    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _stepSpan?.Dispose();
        _span?.Dispose();
        return Task.CompletedTask;
    }

    public async Task StartAsync(ExtendRequest request)
    {
        if (State.Outcome is not null)
        {
            TellOwner();
            return;
        }
        await FetchContextsAsync(request, CancellationToken.None);
        if (State.Request is null)
        {
            // Not saved before something runs or waits for it: until then the owner, asked again, starts the chain again.
            State.Request = request;
            WarnOfBuildId();
        }
        else if (request.Attempt > State.Request.Attempt)
        {
            // What ran on the other node is of no use any more; its handle cannot report, nor its lease be kept.
            if (State.Running is { } stale && Chain.Next(State.Position!) is { Key: not null } at)
                await Cache.ReleaseAsync(at, stale);
            State.Request = State.Request with { Node = request.Node, Attempt = request.Attempt };
            State.Running = null;
            await SaveAsync();
        }
        else if (State.Running is { } handle && Chain.Next(State.Position!) is { } step)
        {
            await (step.ToFetch.Count > 0 ? FetchAsync(handle, step) : RunAsync(handle, State.Position!, step));
        }
        _span ??= GridTelemetry.StartDetached(Request.Kind == ImageKind.Build ? "extend build" : "extend run", Request.TraceParent);
        EnsureTimer();
        await AdvanceAsync();
    }

    public async Task<bool> CancelAsync()
    {
        if (State.Request is null)
            return false;
        if (State.Outcome is not null)
        {
            TellOwner();
            return true;
        }
        State.CancelRequested = true;
        await StopAsync();
        return true;
    }

    private async Task StopAsync()
    {
        if (State.Running is { } handle)
        {
            if (await Worker.StopAsync(handle))
                return;
            if (Chain.Next(State.Position!) is { Key: not null } step)
                await Cache.ReleaseAsync(step, handle);
        }
        await FinishAsync(new ExtensionOutcome { Kind = Request.Kind });
    }

    public async Task ForgetAsync()
    {
        if (state.RecordExists)
            await state.ClearStateAsync();
        DeactivateOnIdle();
    }

    public Task StepReleasedAsync(string stepKey) => State.Waiting ? AdvanceAsync() : Task.CompletedTask;

    public async Task ReportAsync(WorkReport report)
    {
        if (report.Handle != State.Running || State.Outcome is not null)
            return;
        var position = State.Position!;
        var step = Chain.Next(position)!;
        if (step.ToFetch.Count > 0)
        {
            await FetchedAsync(position, report);
            return;
        }
        if (report.Result is StepDone done)
        {
            var result = new CachedStep { Layer = done.Layer, Key = step.Key!, BuildKey = Request.BuildKey, CreatedAt = time.GetUtcNow(), Packages = done.Packages, RootUsers = done.RootUsers };
            await Cache.CompleteAsync(step, report.Handle, result);
            // Not before: a report that fails half way comes again.
            State.Running = null;
            Finished(step, done.Layer, StepSource.Ran);
            State.Position = Chain.After(position, step, result);
            await AdvanceAsync();
            return;
        }
        await Cache.ReleaseAsync(step, report.Handle);
        MeasureStep(failed: true);
        _stepSpan.Fail(report.Failure?.Message ?? "cancelled");
        _stepSpan?.Dispose();
        await FinishAsync(new ExtensionOutcome { Kind = Request.Kind, Failure = report.Failure });
    }

    private Task FetchContextsAsync(ExtendRequest request, CancellationToken cancellationToken) =>
        contexts.FetchAsync([.. request.Dockerfiles.Select(d => d.Context.Index)], cancellationToken);

    /// <summary>With the content of its URLs the step has a key and can be claimed.</summary>
    private async Task FetchedAsync(ChainPosition position, WorkReport report)
    {
        if (report.Result is not FetchDone done)
        {
            await FinishAsync(new ExtensionOutcome { Kind = Request.Kind, Failure = report.Failure });
            return;
        }
        State.Running = null;
        State.Position = position with { Fetched = done.Urls };
        await AdvanceAsync();
    }

    private ExtensionChain Chain => _chain ??= new ExtensionChain(Request, contexts.Read, options.Shared);

    private StepCache Cache => _cache ??= new StepCache(GrainFactory, contexts, options, time);

    /// <summary>Goes on until a step has to be run or waited for, or the chain is at its end.</summary>
    private async Task AdvanceAsync()
    {
        if (State.Outcome is not null || State.Running is not null)
            return;
        try
        {
            await WalkAsync();
            _lostCalls = 0;
        }
        catch (Exception e) when (e is InconsistentStateException || (e is OrleansException or TimeoutException && ++_lostCalls <= MaxLostCalls))
        {
            // A silo is going away under a call, or a write failed. Nothing is decided; the timer goes on from here.
        }
        catch (Exception e)
        {
            // A lease that nobody works for would let other builds wait for ever.
            if (State.Running is { } handle && Chain.Next(State.Position!) is { Key: not null } step)
                await Cache.ReleaseAsync(step, handle);
            await FinishAsync(new ExtensionOutcome { Kind = Request.Kind, Failure = new Failure((int)ExitCode.ExtendError, e.Message) });
        }
    }

    private async Task WalkAsync()
    {
        var position = State.Position ?? Chain.Start();
        while (!State.CancelRequested && Chain.Next(position) is { } step)
        {
            if (step.ToFetch.Count > 0)
            {
                (State.Position, State.Running) = (position, FetchHandle(position));
                await SaveAsync();
                await FetchAsync(State.Running, step);
                return;
            }
            if (step.Key is null)
            {
                Finished(step, null, StepSource.Config);
            }
            else if (await ClaimAsync(position, step) is { Step: { } cached } found)
            {
                Finished(step, cached.Layer, found.Origin is not null ? StepSource.Restored : State.Waiting ? StepSource.Shared : StepSource.Cached);
                State.Waiting = false;
                State.Position = position = Chain.After(position, step, cached, cached.Layer is null ? null : found.Origin);
                continue;
            }
            else
            {
                return;
            }
            State.Position = position = Chain.After(position, step, null);
        }
        State.Position = position;
        await FinishAsync(State.CancelRequested
            ? new ExtensionOutcome { Kind = Request.Kind }
            : new ExtensionOutcome { Kind = Request.Kind, Result = Chain.Finish(position), Records = Chain.Records(position) });
    }

    /// <summary>The finished step, or null when it is now being run (by this build or another).</summary>
    private async Task<StepAnswer?> ClaimAsync(ChainPosition position, ChainStep step)
    {
        // Another attempt and a lost lease are other work: what was started before is not attached to.
        var attempt = State.LostLeases == 0 ? $"{Request.Attempt}" : $"{Request.Attempt}.{State.LostLeases}";
        var handle = $"{this.GetPrimaryKeyString()}/{position.Number}#{attempt}";
        var claim = await Cache.ClaimAsync(Request, step, new StepClaimRequest(handle, this.GetPrimaryKeyString()));
        if (claim.Kind == StepClaimKind.Hit)
            return claim;
        var told = State.Waiting;
        var miss = claim.Kind == StepClaimKind.Run ? await Cache.ExplainAsync(Chain, position, step, Request.Refresh ? "the build refreshes its extensions" : claim.Reason) : null;
        (State.Position, State.Waiting) = (position, claim.Kind == StepClaimKind.Wait);
        State.Running = claim.Kind == StepClaimKind.Run ? handle : null;
        NoteBegin(step, miss);
        await SaveAsync();
        if (!told || claim.Kind == StepClaimKind.Run)
            events.Append(Request.BuildKey, new StepStarted(Phase, step.Name, State.Waiting) { At = time.GetUtcNow(), MissReason = miss?.Reason, Miss = miss });
        if (claim.Kind == StepClaimKind.Run)
        {
            _stepSpan = StepSpan(step);
            _stepSpan?.SetTag("grid.step.cache", "miss");
            _stepSpan?.SetTag("grid.step.miss", miss?.Reason);
            _stepSpan?.SetTag("grid.step.miss.fields", miss?.Changed.Select(c => c.Name).ToArray());
            _stepSpan?.SetTag("grid.step.miss.nearest", miss?.Nearest);
            StepMetrics.Missed(Request.Kind, miss);
            _stepStarted = time.GetTimestamp();
            await RunAsync(handle, position, step);
        }
        return null;
    }

    private string FetchHandle(ChainPosition position) => $"{this.GetPrimaryKeyString()}/{position.Number}/fetch#{Request.Attempt}";

    private Task FetchAsync(string handle, ChainStep step) => Worker.StartAsync(new FetchWork
    {
        Handle = handle, BuildKey = Request.BuildKey, Owner = this.GetGrainId(), TraceParent = _span?.Id ?? Request.TraceParent,
        Urls = [.. step.ToFetch], Label = ExtensionChain.Label(step),
    });

    private Task RunAsync(string handle, ChainPosition position, ChainStep step) => Worker.StartAsync(new StepWork
    {
        Handle = handle, BuildKey = Request.BuildKey, Owner = this.GetGrainId(), TraceParent = _stepSpan?.Id ?? Request.TraceParent, Name = step.Name,
        Input = new StepInput
        {
            Parent = [.. Request.Base.Layers, .. position.Added.Select(a => a.Layer)],
            BaseLocation = Request.Base.Location,
            Origins = [.. position.Added.Select(a => a.Origin).OfType<string>().Distinct()],
            Step = step.Planned,
            Context = step.Source.Context,
            Scope = Request.Scope,
            Fetched = position.Fetched,
            Label = ExtensionChain.Label(step),
        },
    });

    /// <summary>Renews the lease of the step that runs and attaches to it again, or asks again for one that somebody else runs: notices can be lost.</summary>
    private async Task OnTickAsync(CancellationToken cancellationToken)
    {
        if (State is not { Request: not null, Outcome: null })
            return;
        if (State.CancelRequested)
        {
            await StopAsync();
        }
        else if (State.Running is { } fetching && Chain.Next(State.Position!) is { ToFetch.Count: > 0 } unfetched)
        {
            await FetchAsync(fetching, unfetched);
        }
        else if (State.Running is { } handle && Chain.Next(State.Position!) is { } step)
        {
            if (await Cache.RenewAsync(step, handle))
            {
                await RunAsync(handle, State.Position!, step);
            }
            else
            {
                // Nobody renewed it for too long, and it may be another's by now. What runs here must not count; what the other one makes does.
                await Worker.CancelAsync(handle);
                (State.Running, State.LostLeases) = (null, State.LostLeases + 1);
                await SaveAsync();
                await AdvanceAsync();
            }
        }
        else
        {
            await AdvanceAsync();
        }
    }

    private void WarnOfBuildId()
    {
        if (!Request.BuildIdIsFresh)
            return;
        try
        {
            foreach (var declaration in Chain.BuildIdDeclarations())
            {
                events.Append(Request.BuildKey, new OutputWritten(Phase,
                    $"Warning: {declaration} declares build_id, so every RUN behind it runs in each build; --build-id per-period=24h lets builds of a day share it\n", IsError: false) { At = time.GetUtcNow() });
            }
        }
        catch (DockerfileException)
        {
            // Said when the chain is walked.
        }
    }

    private void Finished(ChainStep step, Layer? layer, StepSource source)
    {
        var span = _stepSpan;
        if (source is StepSource.Cached or StepSource.Shared or StepSource.Restored)
        {
            span = StepSpan(step);
            span?.SetTag("grid.step.cache", source switch { StepSource.Cached => "hit", StepSource.Shared => "shared", _ => "restored" });
            StepMetrics.Found(Request.Kind, source);
        }
        else if (source == StepSource.Ran)
        {
            MeasureStep(failed: false);
        }
        span?.Dispose();
        _stepSpan = null;
        NoteResult(step, layer, source);
        events.Append(Request.BuildKey, new StepFinished(Phase, step.Name, source) { At = time.GetUtcNow(), DiffId = layer?.DiffId.ToString(), Size = layer?.Blob.Size ?? 0 });
    }

    /// <summary>A step that was started on another silo is not measured: when is not known here.</summary>
    private void MeasureStep(bool failed)
    {
        if (_stepStarted == 0)
            return;
        using (GridTelemetry.Within(_stepSpan))
            StepMetrics.Ran(Request.Kind, time.GetElapsedTime(_stepStarted), failed);
        _stepStarted = 0;
    }

    private Activity? StepSpan(ChainStep step)
    {
        var span = GridTelemetry.StartDetached("step", _span?.Id ?? Request.TraceParent);
        span?.SetTag("grid.extension", step.Source.ExtensionId);
        span?.SetTag("grid.step", ExtensionChain.Label(step));
        span?.SetTag("grid.step.key", step.Key?.Digest.ToString());
        span?.SetTag("grid.step.scope", step.Key is null ? null : step.Scope.WhyPrivate is null ? "shared" : "private");
        return span;
    }

    private async Task FinishAsync(ExtensionOutcome outcome)
    {
        State.Outcome = outcome;
        NoteEnd(outcome);
        State.Running = null;
        State.Waiting = false;
        await SaveAsync();
        _timer?.Dispose();
        if (outcome.Failure is not null)
            _span.Fail(outcome.Failure.Message);
        _span?.Dispose();
        TellOwner();
    }

    private void EnsureTimer() => _timer ??= this.RegisterGrainTimer(OnTickAsync, new GrainTimerCreationOptions(Tick, Tick));

    /// <summary>Writes; when that fails, what is stored counts again, and the timer goes on from there.</summary>
    private async Task SaveAsync()
    {
        var request = State.Request;
        try
        {
            await this.SaveOrReadAsync(state);
        }
        catch
        {
            State.Request ??= request;
            throw;
        }
    }

    /// <summary>Not awaited: the owner may be in the middle of the call that led here.</summary>
    private void TellOwner()
    {
        var (owner, outcome) = (GrainFactory.GetGrain<IExtensionOwner>(Request.Owner), State.Outcome!);
        Notice.RepeatAsync(() => owner.ExtendedAsync(outcome), time).Ignore();
    }
}
