using Grid.Contracts.Builds;
using Grid.Contracts.Queues;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Grains.Machines;
using Grid.Oci.Images;
using Orleans.Runtime;

namespace Grid.Grains.Builds;

/// <summary>What each phase of a build is asked to do, from the build's state alone: the same attempt is always asked for the same.</summary>
/// <param name="key">The build's key.</param>
/// <param name="state">Its state.</param>
/// <param name="owner">The build grain.</param>
internal sealed class PhaseWork(string key, BuildGrainState state, GrainId owner)
{
    private BuildRequest Request => state.Request ?? throw new InvalidOperationException($"build {key} has not been submitted");

    private Layer Source => state.Fetched?.Archive ?? Request.Source;

    /// <summary>Name of a phase's current attempt.</summary>
    public string Handle(Phase phase) => $"{key}/{phase}#{state.Progress.Attempts[(int)phase]}";

    /// <summary>The phase a handle is the current attempt of; null when it is of none.</summary>
    public Phase? PhaseOf(string handle)
    {
        foreach (var phase in Enum.GetValues<Phase>())
        {
            if (Handle(phase) == handle)
                return phase;
        }
        return null;
    }

    /// <summary>Whether an app is built: an image that is extended or rebased has no source and no buildpacks, and leaves nothing for a next build.</summary>
    public static bool IsOfApp(BuildRequest request) => request is { Extension: null, Rebase: null };

    /// <summary>Phases that a build does not have.</summary>
    public static IEnumerable<Phase> Skipped(BuildRequest request) => request switch
    {
        { Extension: { } extension } => [Phase.Detect, Phase.Restore, extension.Kind == ImageKind.Build ? Phase.ExtendRun : Phase.ExtendBuild, Phase.Build],
        { Rebase: not null } => Enum.GetValues<Phase>().Where(phase => phase != Phase.Export),
        _ => [],
    };

    /// <summary>The build as its queue sees it.</summary>
    public static QueuedBuild Queued(string key, GrainId owner, BuildRequest request, DateTimeOffset submittedAt, TenantQuota? quota) => new()
    {
        BuildKey = key, Owner = owner, Tenant = request.Tenant, App = request.App, Class = request.Class, Priority = request.Priority, SubmittedAt = submittedAt,
        Warm = Warm(request), Quota = quota,
    };

    public WorkItem Analyze() => Request.Extension is { } extension ? new PinWork
    {
        Handle = Handle(Phase.Analyze), BuildKey = key, Owner = owner, TraceParent = state.TraceParent,
        Extension = extension, Targets = Request.Targets, Warm = Warm(Request),
    }
    : new AnalyzeWork
    {
        Handle = Handle(Phase.Analyze), BuildKey = key, Owner = owner, TraceParent = state.TraceParent,
        Builder = Request.Builder, Targets = Request.Targets, RunImage = Request.RunImage, PreviousImage = Request.PreviousImage, Warm = Warm(Request), Origin = Request.Origin,
    };

    public DetectWork Detect() => new()
    {
        Handle = Handle(Phase.Detect), BuildKey = key, Owner = owner, TraceParent = state.TraceParent,
        Analyzed = state.Analyzed!, Source = Source, Environment = Request.Environment, Targets = Request.Targets,
    };

    public RestoreWork Restore() => new()
    {
        Handle = Handle(Phase.Restore), BuildKey = key, Owner = owner, TraceParent = state.TraceParent,
        Analyzed = state.Detection!.Analyzed, Group = state.Detection.Group, Cache = state.History.Cache,
    };

    public ExtendRequest Extend(ImageKind kind)
    {
        var phase = kind == ImageKind.Build ? Phase.ExtendBuild : Phase.ExtendRun;
        var alone = new ExtendRequest
        {
            BuildKey = key,
            Kind = kind,
            Base = state.Pinned?.Base ?? (kind == ImageKind.Build ? state.Analyzed!.Builder : state.Detection!.Analyzed.RunImage),
            Dockerfiles = [.. (state.Pinned?.Dockerfiles ?? state.Detection!.Dockerfiles).Where(d => d.Kind == kind)],
            Scope = Request.Tenant,
            Egress = state.Quota?.Egress ?? Egress.Open,
            BuildId = state.BuildId,
            StartedAt = state.SubmittedAt,
            BuildIdIsFresh = BuildIdPolicy.Parse(Request.BuildId).Kind == BuildIdKind.PerBuild,
            Refresh = Request.RefreshExtensions,
            TraceParent = state.TraceParent,
            Node = BuildMachine.NodeOf(state.Progress.Placement, phase)!.Node,
            Owner = owner,
            Attempt = state.Progress.Attempts[(int)phase],
        };
        return state.Pinned is not null ? alone : alone with
        {
            Previous = [.. PriorSteps.Records(state.History, state.Analyzed!, Request.Targets[0]).Where(e => e.Kind == kind)],
            Prior = kind == ImageKind.Run ? PriorSteps.Image(state.Analyzed!, Request.Targets[0]) : null,
            Builder = state.Analyzed!.Builder.Manifest.Digest,
        };
    }

    public BuildWork Build() => new()
    {
        Handle = Handle(Phase.Build), BuildKey = key, Owner = owner, TraceParent = state.TraceParent,
        Detection = state.Detection!, BuildImage = state.BuildImage!,
        Source = Source, Environment = Request.Environment, Cache = state.History.Cache,
    };

    public WorkItem Export() => Request switch
    {
        { Extension: { } extension } => new PublishWork
        {
            Handle = Handle(Phase.Export), BuildKey = key, Owner = owner, TraceParent = state.TraceParent,
            Image = (extension.Kind == ImageKind.Build ? state.BuildImage : state.RunImage)!, Targets = Request.Targets,
        },
        { Rebase: { } rebase } => new RebaseWork
        {
            Handle = Handle(Phase.Export), BuildKey = key, Owner = owner, TraceParent = state.TraceParent,
            Image = Request.PreviousImage ?? Request.Targets[0], Targets = Request.Targets, RunImage = Request.RunImage, Force = rebase.Force, SourceDateEpoch = Request.SourceDateEpoch,
        },
        _ => ExportApp(),
    };

    private ExportWork ExportApp() => new()
    {
        Handle = Handle(Phase.Export), BuildKey = key, Owner = owner, TraceParent = state.TraceParent,
        Detection = state.Detection!, RunImage = state.RunImage!, App = state.App!, Targets = Request.Targets,
        DefaultProcess = Request.DefaultProcess, SourceDateEpoch = Request.SourceDateEpoch,
        Labels = ExtensionLabel.For([.. state.BuildRecords, .. state.RunRecords], withDates: Request.SourceDateEpoch is null),
        Packages = ExtensionChain.PackagesOf(state.RunRecords), ProjectMetadata = state.Fetched?.ProjectMetadata,
    };

    private static string[] Warm(BuildRequest request) => [WarmKeys.App(request.Tenant, request.App), .. (request.Extension?.Base ?? request.Builder) is { Length: > 0 } image ? [WarmKeys.Builder(image)] : Array.Empty<string>()];
}
