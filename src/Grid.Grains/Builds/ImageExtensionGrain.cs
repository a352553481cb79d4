using Grid.Buildpacks;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Lifecycle.Extend;
using Orleans.Runtime;

namespace Grid.Grains.Builds;

/// <summary>What is stored of an image that is extended by itself.</summary>
[GenerateSerializer, Alias("grid.ImageExtensionState")]
public sealed class ImageExtensionGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public ImageExtensionRequest? Request { get; set; }

    /// <summary>Node that works for it.</summary>
    [Id(2)] public string Node { get; set; } = "";

    /// <summary>The extended image; from then on it is being published.</summary>
    [Id(3)] public ExtendedImage? Extended { get; set; }

    [Id(4)] public string? CancelReason { get; set; }

    [Id(5)] public BuildState State { get; set; } = BuildState.Unknown;
}

/// <inheritdoc cref="IImageExtensionGrain"/>
/// <remarks>Two phases, one after the other: an <see cref="IExtenderGrain"/> walks the chain, then the node writes the image.</remarks>
[GrainType("grid.image-extension")]
public sealed class ImageExtensionGrain(
    [PersistentState("image-extension", GridStorage.Name)] IPersistentState<ImageExtensionGrainState> state,
    GridNode node, IBuildEvents events, TimeProvider time) : Grain, IImageExtensionGrain
{
    private string Key => this.GetPrimaryKeyString();

    private ImageExtensionGrainState State => state.State;

    private ImageExtensionRequest Request => State.Request ?? throw new InvalidOperationException($"{Key} has not been started");

    private Phase ExtendPhase => Request.Kind == ImageKind.Build ? Phase.ExtendBuild : Phase.ExtendRun;

    private string PublishHandle => $"{Key}/{Phase.Export}#1";

    private IExtenderGrain Extender => GrainFactory.GetGrain<IExtenderGrain>(ExtenderKeys.Of(Key, Request.Kind));

    private IWorkerGrain Worker => GrainFactory.GetGrain<IWorkerGrain>(State.Node);

    public async Task StartAsync(ImageExtensionRequest request)
    {
        if (State.Request is not null)
            return;
        (State.Request, State.Node, State.State) = (request, node.Name, BuildState.Running);
        await this.SaveAsync(state);
        Append(new BuildStarted(Key, request.Targets[0]) { At = time.GetUtcNow() });
        Append(new PhaseStarted(ExtendPhase) { At = time.GetUtcNow() });
        await Extender.StartAsync(new ExtendRequest
        {
            BuildKey = Key,
            Kind = request.Kind,
            Base = request.Base,
            Dockerfiles = request.Dockerfiles,
            Scope = request.Tenant,
            BuildId = request.BuildId,
            Refresh = request.Refresh,
            StartedAt = time.GetUtcNow(),
            TraceParent = request.TraceParent,
            Node = State.Node,
            Owner = this.GetGrainId(),
        });
    }

    public async Task CancelAsync(string reason)
    {
        if (State.State != BuildState.Running || State.CancelReason is not null)
            return;
        State.CancelReason = reason;
        await this.SaveAsync(state);
        if (State.Extended is not null)
            await Worker.CancelAsync(PublishHandle);
        else if (!await Extender.CancelAsync())
            await FinishAsync(ExtendPhase, null, null);
    }

    public async Task ExtendedAsync(ExtensionOutcome outcome)
    {
        if (State.State != BuildState.Running || State.Extended is not null)
            return;
        if (outcome.Result is null || State.CancelReason is not null)
        {
            await FinishAsync(ExtendPhase, outcome.Failure, null);
            return;
        }
        State.Extended = outcome.Result;
        await this.SaveAsync(state);
        Append(new PhaseFinished(ExtendPhase, PhaseState.Done, null) { At = time.GetUtcNow() });
        Append(new PhaseStarted(Phase.Export) { At = time.GetUtcNow() });
        await Worker.StartAsync(new PublishWork
        {
            Handle = PublishHandle, BuildKey = Key, Owner = this.GetGrainId(), TraceParent = Request.TraceParent,
            Image = outcome.Result, Targets = Request.Targets,
        });
    }

    public async Task ReportAsync(WorkReport report)
    {
        if (State.State != BuildState.Running || report.Handle != PublishHandle)
            return;
        var done = report.Result as ExportDone;
        await FinishAsync(Phase.Export, report.Failure, done is null ? null : new PublishedImage(done.Report.Digest.ToString(), [.. done.Report.Pinned]));
    }

    /// <summary>Writes the end, whatever it is, and tells it once.</summary>
    private async Task FinishAsync(Phase phase, Failure? failure, PublishedImage? image)
    {
        var cancelled = image is null && (failure is null || State.CancelReason is not null);
        State.State = image is not null ? BuildState.Succeeded : cancelled ? BuildState.Cancelled : BuildState.Failed;
        await this.SaveAsync(state);
        var phaseState = image is not null ? PhaseState.Done : cancelled ? PhaseState.Cancelled : PhaseState.Failed;
        Append(new PhaseFinished(phase, phaseState, cancelled ? null : failure?.Message) { At = time.GetUtcNow() });
        await ReleaseAsync(phase);
        Append(new BuildFinished(State.State, image is not null ? 0 : cancelled ? (int)ExitCode.Failed : failure!.ExitCode)
        {
            At = time.GetUtcNow(),
            Failure = cancelled ? new Failure((int)ExitCode.Failed, $"cancelled: {State.CancelReason}") : failure is null ? null : failure with { Phase = phase },
            Image = image,
        });
    }

    /// <summary>The end is decided: what goes wrong behind it is said, and whoever watches is told of the end all the same.</summary>
    private async Task ReleaseAsync(Phase phase)
    {
        try
        {
            await Worker.ReleaseAsync(Key);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            Append(new OutputWritten(phase, $"Warning: what it left on its node could not be put in order: {e.Message}\n", IsError: true) { At = time.GetUtcNow() });
        }
    }

    private void Append(BuildEvent buildEvent) => events.Append(Key, buildEvent);
}
