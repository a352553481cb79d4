using Grid.Contracts.Builds;

namespace Grid.Grains.Machines;

/// <summary>
/// The life of a build as a pure function: facts go in, a new state and the effects to perform come out.
/// </summary>
/// <remarks>
/// <code>
/// analyze → detect ─┬→ restore ──────┐
///                   ├→ extend build ─┴→ build ─┐
///                   └→ extend run ─────────────┴→ export
/// </code>
/// A phase starts when all it needs is done. The first failure is the build's; what runs then is cancelled, and the build ends when
/// nothing runs any more. Terminal states absorb every further fact.
/// </remarks>
public static class BuildMachine
{
    private static readonly Dictionary<Phase, Phase[]> Needs = new()
    {
        [Phase.Analyze] = [],
        [Phase.Detect] = [Phase.Analyze],
        [Phase.Restore] = [Phase.Detect],
        [Phase.ExtendBuild] = [Phase.Detect],
        [Phase.ExtendRun] = [Phase.Detect],
        [Phase.Build] = [Phase.Restore, Phase.ExtendBuild],
        [Phase.Export] = [Phase.Build, Phase.ExtendRun],
    };

    /// <summary>The state of a build that has just been accepted, and what to do first.</summary>
    public static Decision Accept() => Settle(new BuildProgress { State = BuildState.Running });

    /// <summary>A phase reached its end: done, failed with a reason, or cancelled.</summary>
    public static Decision PhaseEnded(BuildProgress progress, Phase phase, PhaseState end, Failure? failure = null)
    {
        if (end is not (PhaseState.Done or PhaseState.Failed or PhaseState.Cancelled))
            throw new ArgumentOutOfRangeException(nameof(end), end, "not an end");
        if (progress.State != BuildState.Running || progress[phase] != PhaseState.Running)
            return new Decision(progress, []);
        var stopping = progress.Failure is not null || progress.CancelReason is not null;
        // Stopped although nobody asked for it: its node went away. That is a failure, never a success with a hole in it.
        if (end == PhaseState.Cancelled && !stopping)
            (end, failure) = (PhaseState.Failed, new Failure(1, $"{phase} was interrupted; build again"));
        var next = progress.With(phase, end);
        if (end == PhaseState.Failed && !stopping)
            next = next with { Failure = failure is null ? new Failure(1, $"{phase} failed") { Phase = phase } : failure with { Phase = failure.Phase ?? phase } };
        return Settle(next, cancelRunning: end == PhaseState.Failed && !stopping);
    }

    /// <summary>Somebody wants the build to stop.</summary>
    public static Decision CancelRequested(BuildProgress progress, string reason) =>
        progress.State != BuildState.Running || progress.CancelReason is not null || progress.Failure is not null
            ? new Decision(progress, [])
            : Settle(progress with { CancelReason = reason }, cancelRunning: true);

    private static Decision Settle(BuildProgress progress, bool cancelRunning = false)
    {
        var effects = new List<BuildEffect>();
        var stopping = progress.Failure is not null || progress.CancelReason is not null;
        if (!stopping)
        {
            foreach (var (phase, needs) in Needs)
            {
                if (progress[phase] == PhaseState.Waiting && needs.All(n => progress[n] == PhaseState.Done))
                {
                    progress = progress.With(phase, PhaseState.Running);
                    effects.Add(new BuildEffect(BuildEffectKind.Start, phase));
                }
            }
        }
        else if (cancelRunning)
        {
            effects.AddRange(Enum.GetValues<Phase>().Where(p => progress[p] == PhaseState.Running).Select(p => new BuildEffect(BuildEffectKind.Cancel, p)));
        }
        if (!progress.Phases.Contains(PhaseState.Running))
        {
            progress = progress with
            {
                State = progress.Failure is not null ? BuildState.Failed : progress.CancelReason is not null ? BuildState.Cancelled : BuildState.Succeeded,
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

    public PhaseState this[Phase phase] => Phases[(int)phase];

    internal BuildProgress With(Phase phase, PhaseState state)
    {
        var phases = Phases.ToArray();
        phases[(int)phase] = state;
        return this with { Phases = phases };
    }
}

/// <summary>What to do now. Effects are idempotent: performing one twice is like once.</summary>
public sealed record BuildEffect(BuildEffectKind Kind, Phase? Phase);

public enum BuildEffectKind
{
    /// <summary>Start the phase, or attach to it.</summary>
    Start = 0,
    /// <summary>Stop the phase; it reports when it has ended.</summary>
    Cancel = 1,
    /// <summary>The build is at its end: record and tell.</summary>
    Finish = 2,
}

/// <summary>A new state and what follows from it.</summary>
public sealed record Decision(BuildProgress Progress, IReadOnlyList<BuildEffect> Effects);
