using System.Text.Json;
using System.Text.Json.Serialization;
using Grid.Contracts.Builds;
using Grid.Contracts.Queues;

namespace Grid.Grains.Machines;

/// <summary>
/// The life of a build as a pure function: facts go in, a new state and the effects to perform come out.
/// </summary>
/// <remarks>
/// <code>
/// queued ─placed→ analyze → detect ─┬→ restore ──────┐
///                                   ├→ extend build ─┴→ build ─┐
///                                   └→ extend run ─────────────┴→ export
/// </code>
/// A phase starts when all it needs is done and its node is there. The first failure is the build's; what runs then is cancelled, and the build
/// ends when nothing runs any more. A build that only extends or rebases an image skips what it does not have. A placement that takes a node away puts the phases that ran there back to waiting, for their next attempt;
/// what restore put on the disk of a lost node is restored again. Terminal states absorb every further fact.
/// </remarks>
public static class BuildMachine
{
    /// <summary>After losing this many nodes a build fails: it may well be the cause.</summary>
    public const int MaxLosses = 3;

    private static readonly Dictionary<Phase, Phase[]> Needs = new()
    {
        [Phase.Analyze] = [],
        [Phase.Detect] = [Phase.Analyze],
        [Phase.Restore] = [Phase.Detect],
        [Phase.ExtendBuild] = [Phase.Analyze, Phase.Detect],
        [Phase.ExtendRun] = [Phase.Analyze, Phase.Detect],
        [Phase.Build] = [Phase.Restore, Phase.ExtendBuild],
        [Phase.Export] = [Phase.Build, Phase.ExtendBuild, Phase.ExtendRun],
    };

    /// <summary>The state of a build that has just been accepted; its placement starts it.</summary>
    /// <param name="skipped">Phases that it does not have.</param>
    public static BuildProgress Accept(params IEnumerable<Phase> skipped) =>
        skipped.Aggregate(new BuildProgress { State = BuildState.Queued }, (all, phase) => all.With(phase, PhaseState.Skipped));

    /// <summary>The node a phase has in a placement.</summary>
    public static NodeSession? NodeOf(BuildPlacement? placement, Phase phase) => phase == Phase.ExtendRun ? placement?.RunExtension : placement?.Home;

    /// <summary>The queue says where the build works.</summary>
    public static Decision Placed(BuildProgress progress, BuildPlacement placement)
    {
        if (IsOver(progress) || placement.Number <= (progress.Placement?.Number ?? 0))
            return new Decision(progress, []);
        var before = progress.Placement;
        var next = progress with { State = BuildState.Running, Placement = placement };
        var lost = Enum.GetValues<Phase>().Where(p => progress[p] == PhaseState.Running && NodeOf(before, p) != NodeOf(placement, p)).ToList();
        if (IsStopping(progress))
            return Settle(lost.Aggregate(next, (all, phase) => all.With(phase, PhaseState.Cancelled)));
        if (lost.Count > 0 && !placement.HandedOver)
            next = next with { LostNodes = [.. progress.LostNodes, .. lost.Select(p => NodeOf(before, p)!.Node).Distinct()] };
        if (next.LostNodes.Count >= MaxLosses)
        {
            next = lost.Aggregate(next, (all, phase) => all.With(phase, PhaseState.Failed));
            return Settle(next with { Failure = TooManyLosses(next.LostNodes, lost[0]) }, cancelRunning: true);
        }
        next = lost.Aggregate(next, (all, phase) => all.With(phase, PhaseState.Waiting));
        if (before?.Home is { } home && home != placement.Home && next[Phase.Restore] == PhaseState.Done && next[Phase.Build] == PhaseState.Waiting)
            next = next.With(Phase.Restore, PhaseState.Waiting);
        return Settle(next);
    }

    /// <summary>The queue gave the build up before it ran: it ends with this failure.</summary>
    public static Decision Refused(BuildProgress progress, Failure failure) =>
        progress.State == BuildState.Queued && !IsStopping(progress) ? Settle(progress with { Failure = failure }) : new Decision(progress, []);

    /// <summary>A phase reached its end: done, failed with a reason, or cancelled.</summary>
    public static Decision PhaseEnded(BuildProgress progress, Phase phase, PhaseState end, Failure? failure = null)
    {
        if (end is not (PhaseState.Done or PhaseState.Failed or PhaseState.Cancelled))
            throw new ArgumentOutOfRangeException(nameof(end), end, "not an end");
        if (progress.State != BuildState.Running || progress[phase] != PhaseState.Running)
            return new Decision(progress, []);
        var stopping = IsStopping(progress);
        // Stopped although nobody asked for it. That is a failure, never a success with a hole in it.
        if (end == PhaseState.Cancelled && !stopping)
            (end, failure) = (PhaseState.Failed, new Failure(1, $"{phase} was interrupted; build again"));
        var next = progress.With(phase, end);
        if (end == PhaseState.Failed && !stopping)
            next = next with { Failure = failure is null ? new Failure(1, $"{phase} failed") { Phase = phase } : failure with { Phase = failure.Phase ?? phase } };
        return Settle(next, cancelRunning: end == PhaseState.Failed && !stopping);
    }

    /// <summary>Somebody wants the build to stop.</summary>
    public static Decision CancelRequested(BuildProgress progress, string reason) =>
        IsOver(progress) || IsStopping(progress) ? new Decision(progress, []) : Settle(progress with { CancelReason = reason }, cancelRunning: true);

    /// <summary>What makes sure that everything that should happen does: every effect of the state as it is, once more.</summary>
    public static IReadOnlyList<BuildEffect> Reconcile(BuildProgress progress) =>
        progress.State == BuildState.Unknown ? []
        : IsOver(progress) ? [new BuildEffect(BuildEffectKind.Finish, null)]
        : [.. Running(progress).Select(p => new BuildEffect(IsStopping(progress) ? BuildEffectKind.Cancel : BuildEffectKind.Attach, p))];

    /// <summary>Whether the build has reached its end.</summary>
    public static bool IsOver(BuildProgress progress) => progress.State is not (BuildState.Queued or BuildState.Running);

    private static bool IsBehind(PhaseState state) => state is PhaseState.Done or PhaseState.Skipped;

    private static bool IsStopping(BuildProgress progress) => progress.Failure is not null || progress.CancelReason is not null;

    private static IEnumerable<Phase> Running(BuildProgress progress) => Enum.GetValues<Phase>().Where(p => progress[p] == PhaseState.Running);

    private static Failure TooManyLosses(IReadOnlyList<string> nodes, Phase phase) => new(1,
        $"{phase} could not be finished: {nodes.Count} nodes went away while they worked for this build ({string.Join(", ", nodes)}). " +
        "If they went down because of it, give it less to do at a time or its sandboxes stricter limits; otherwise build again")
    { Phase = phase };

    private static Decision Settle(BuildProgress progress, bool cancelRunning = false)
    {
        var effects = new List<BuildEffect>();
        var stopping = IsStopping(progress);
        if (!stopping)
        {
            foreach (var (phase, needs) in Needs)
            {
                if (progress[phase] == PhaseState.Waiting && NodeOf(progress.Placement, phase) is not null && needs.All(n => IsBehind(progress[n])))
                {
                    progress = progress.With(phase, PhaseState.Running).Attempted(phase);
                    effects.Add(new BuildEffect(BuildEffectKind.Start, phase));
                }
            }
        }
        else if (cancelRunning)
        {
            effects.AddRange(Running(progress).Select(p => new BuildEffect(BuildEffectKind.Cancel, p)));
        }
        if (stopping ? !progress.Phases.Contains(PhaseState.Running) : progress.Phases.All(IsBehind))
        {
            progress = progress with
            {
                State = progress.Failure is not null ? BuildState.Failed : stopping ? BuildState.Cancelled : BuildState.Succeeded,
            };
            effects.Add(new BuildEffect(BuildEffectKind.Finish, null));
        }
        return new Decision(progress, effects);
    }
}

/// <summary>Where a build stands.</summary>
public sealed record BuildProgress
{
    public BuildState State { get; init; }

    /// <summary>State of each phase, indexed by <see cref="Phase"/>.</summary>
    public IReadOnlyList<PhaseState> Phases { get; init; } = new PhaseState[Enum.GetValues<Phase>().Length];

    /// <summary>The first failure: later ones are mostly its echo.</summary>
    public Failure? Failure { get; init; }

    /// <summary>Why somebody wants it to stop.</summary>
    public string? CancelReason { get; init; }

    /// <summary>How often each phase was started, indexed by <see cref="Phase"/>: the number in its handle, which makes earlier attempts void.</summary>
    public IReadOnlyList<int> Attempts { get; init; } = new int[Enum.GetValues<Phase>().Length];

    /// <summary>Where it works; null before its admission.</summary>
    public BuildPlacement? Placement { get; init; }

    /// <summary>Nodes that went away while they worked for it.</summary>
    public IReadOnlyList<string> LostNodes { get; init; } = [];

    /// <summary>What a later build has stored here (<see cref="LaterMembers"/>).</summary>
    [JsonExtensionData] public Dictionary<string, JsonElement>? Later { get; init; }

    public PhaseState this[Phase phase] => Phases[(int)phase];

    internal BuildProgress With(Phase phase, PhaseState state)
    {
        var phases = Phases.ToArray();
        phases[(int)phase] = state;
        return this with { Phases = phases };
    }

    internal BuildProgress Attempted(Phase phase)
    {
        var attempts = Attempts.ToArray();
        attempts[(int)phase]++;
        return this with { Attempts = attempts };
    }
}

/// <summary>What to do now. Effects are idempotent: performing one twice is like once.</summary>
public sealed record BuildEffect(BuildEffectKind Kind, Phase? Phase);

/// <summary>Kinds of effects.</summary>
public enum BuildEffectKind
{
    /// <summary>Start the phase.</summary>
    Start = 0,
    /// <summary>Stop the phase; it reports when it has ended.</summary>
    Cancel = 1,
    /// <summary>The build is at its end: record and tell.</summary>
    Finish = 2,
    /// <summary>The phase should be running: attach to it, or start it if the node knows nothing of it.</summary>
    Attach = 3,
}

/// <summary>A new state and what follows from it.</summary>
public sealed record Decision(BuildProgress Progress, IReadOnlyList<BuildEffect> Effects);
