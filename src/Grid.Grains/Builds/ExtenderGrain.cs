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
}

/// <inheritdoc cref="IExtenderGrain"/>
/// <remarks>
/// Walks the chain: what only changes the configuration is applied at once, everything else is claimed at its <see cref="IStepGrain"/>. State
/// is written before a step is started and at the end; a chain that is all cached is written once. A timer makes good whatever is lost between
/// grains: it starts the running step again (which attaches), and asks again for the one that is waited for.
/// </remarks>
[GrainType("grid.extender")]
public sealed class ExtenderGrain(
    [PersistentState("extender", GridStorage.Name)] IPersistentState<ExtenderGrainState> state,
    IContexts contexts, IBuildEvents events, TimeProvider time) : Grain, IExtenderGrain
{
    private const int MaxLostCalls = 12;
    private static readonly TimeSpan Tick = TimeSpan.FromSeconds(5);
    private ExtensionChain? _chain;
    private IGrainTimer? _timer;
    private Activity? _span;
    private Activity? _stepSpan;
    private int _lostCalls;

    private ExtenderGrainState State => state.State;

    private ExtendRequest Request => State.Request ?? throw new InvalidOperationException($"{this.GetPrimaryKeyString()} has not been started");

    private Phase Phase => Request.Kind == ImageKind.Build ? Phase.ExtendBuild : Phase.ExtendRun;

    private IWorkerGrain Worker => GrainFactory.GetGrain<IWorkerGrain>(Request.Node);

    public override Task OnActivateAsync(CancellationToken cancellationToken)
    {
        // The chain moved here from a silo that went away.
        if (State is { Request: not null, Outcome: null })
            EnsureTimer();
        return Task.CompletedTask;
    }

    public async Task StartAsync(ExtendRequest request)
    {
        if (State.Outcome is not null)
        {
            TellOwner();
            return;
        }
        if (State.Request is null)
        {
            State.Request = request;
            await SaveAsync();
        }
        else if (request.Attempt > State.Request.Attempt)
        {
            // What ran on the other node is of no use any more; its handle cannot report, nor its lease be kept.
            if (State.Running is { } stale && Chain.Next(State.Position!) is { Key: not null } at)
                await GrainFactory.GetGrain<IStepGrain>(KeyOf(at)).ReleaseAsync(stale);
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

    public async Task CancelAsync()
    {
        if (State.Outcome is not null || State.Request is null)
            return;
        State.CancelRequested = true;
        await StopAsync();
    }

    private async Task StopAsync()
    {
        if (State.Running is { } handle)
        {
            if (await Worker.StopAsync(handle))
                return;
            if (Chain.Next(State.Position!) is { Key: not null } step)
                await GrainFactory.GetGrain<IStepGrain>(KeyOf(step)).ReleaseAsync(handle);
        }
        await FinishAsync(new ExtensionOutcome { Kind = Request.Kind });
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
        var grain = GrainFactory.GetGrain<IStepGrain>(KeyOf(step));
        if (report.Result is StepDone done)
        {
            await grain.CompleteAsync(report.Handle, new CachedStep { Layer = done.Layer, Key = step.Key!, BuildKey = Request.BuildKey, CreatedAt = time.GetUtcNow() });
            // Not before: a report that fails half way comes again.
            State.Running = null;
            Finished(step, done.Layer, StepSource.Ran);
            State.Position = Chain.After(position, step, done.Layer);
            await AdvanceAsync();
            return;
        }
        await grain.ReleaseAsync(report.Handle);
        _stepSpan.Fail(report.Failure?.Message ?? "cancelled");
        _stepSpan?.Dispose();
        await FinishAsync(new ExtensionOutcome { Kind = Request.Kind, Failure = report.Failure });
    }

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

    private ExtensionChain Chain => _chain ??= new ExtensionChain(Request, contexts.Read);

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
                await GrainFactory.GetGrain<IStepGrain>(KeyOf(step)).ReleaseAsync(handle);
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
            else if (await ClaimAsync(position, step) is { } cached)
            {
                Finished(step, cached.Layer, State.Waiting ? StepSource.Shared : StepSource.Cached);
                State.Waiting = false;
                State.Position = position = Chain.After(position, step, cached.Layer);
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
    private async Task<CachedStep?> ClaimAsync(ChainPosition position, ChainStep step)
    {
        var grain = GrainFactory.GetGrain<IStepGrain>(KeyOf(step));
        var request = new StepClaimRequest($"{this.GetPrimaryKeyString()}/{position.Number}#{Request.Attempt}", this.GetPrimaryKeyString(), Request.Refresh);
        var claim = await grain.ClaimAsync(request);
        // A hit counts only when its layer is really there.
        if (claim is { Kind: StepClaimKind.Hit, Step.Layer: { } layer } && !contexts.Has(layer))
            claim = await grain.ClaimAsync(request with { Refresh = true });
        if (claim.Kind == StepClaimKind.Hit)
            return claim.Step;
        var told = State.Waiting;
        var reason = claim.Kind == StepClaimKind.Run ? Request.Refresh ? "the build refreshes its extensions" : Chain.MissReason(position, step) : null;
        (State.Position, State.Waiting) = (position, claim.Kind == StepClaimKind.Wait);
        State.Running = claim.Kind == StepClaimKind.Run ? request.Handle : null;
        await SaveAsync();
        if (!told || claim.Kind == StepClaimKind.Run)
            events.Append(Request.BuildKey, new StepStarted(Phase, step.Name, State.Waiting) { At = time.GetUtcNow(), MissReason = reason });
        if (claim.Kind == StepClaimKind.Run)
        {
            _stepSpan = StepSpan(step);
            _stepSpan?.SetTag("grid.step.cache", "miss");
            _stepSpan?.SetTag("grid.step.miss", reason);
            await RunAsync(request.Handle, position, step);
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
            var renewed = await GrainFactory.GetGrain<IStepGrain>(KeyOf(step)).RenewAsync(handle);
            await RunAsync(handle, State.Position!, step);
            if (!renewed)
                await Worker.CancelAsync(handle);
        }
        else
        {
            await AdvanceAsync();
        }
    }

    private void Finished(ChainStep step, Layer? layer, StepSource source)
    {
        var span = _stepSpan;
        if (source is StepSource.Cached or StepSource.Shared)
        {
            span = StepSpan(step);
            span?.SetTag("grid.step.cache", source == StepSource.Cached ? "hit" : "shared");
        }
        span?.Dispose();
        _stepSpan = null;
        events.Append(Request.BuildKey, new StepFinished(Phase, step.Name, source) { At = time.GetUtcNow(), DiffId = layer?.DiffId.ToString(), Size = layer?.Blob.Size ?? 0 });
    }

    private Activity? StepSpan(ChainStep step)
    {
        var span = GridTelemetry.StartDetached("step", _span?.Id ?? Request.TraceParent);
        span?.SetTag("grid.extension", step.Source.ExtensionId);
        span?.SetTag("grid.step", ExtensionChain.Label(step));
        span?.SetTag("grid.step.key", step.Key?.Digest.ToString());
        return span;
    }

    private async Task FinishAsync(ExtensionOutcome outcome)
    {
        State.Outcome = outcome;
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
        try
        {
            await state.WriteStateAsync();
        }
        catch
        {
            await state.ReadStateAsync();
            throw;
        }
    }

    /// <summary>Not awaited: the owner may be in the middle of the call that led here.</summary>
    private void TellOwner()
    {
        var (owner, outcome) = (GrainFactory.GetGrain<IExtensionOwner>(Request.Owner), State.Outcome!);
        Notice.RepeatAsync(() => owner.ExtendedAsync(outcome), time).Ignore();
    }

    private string KeyOf(ChainStep step) => $"{Request.Scope}/{step.Key!.Digest.Hex}";
}
