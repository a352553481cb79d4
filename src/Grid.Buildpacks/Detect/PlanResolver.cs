using System.Numerics;

namespace Grid.Buildpacks.Detect;

/// <summary>What resolving a group came to.</summary>
/// <param name="Group">Who takes part; null when no trial passed.</param>
/// <param name="Plan">The plan; without entries when no trial passed.</param>
/// <param name="Failure">Why the first trial failed; null when one passed.</param>
public sealed record PlanOutcome(Group? Group, BuildPlan Plan, string? Failure);

/// <summary>
/// Chooses an option of each candidate's plan so that every need is met (buildpack.md §"Build Plan"; spec-facts §1.8). The reference tries the whole Cartesian
/// product, the last candidate varying fastest; the same first answer is found here without trying what cannot pass: a failed trial names the
/// choices it follows from, and what differs only elsewhere is not tried (row 8).
/// </summary>
public sealed class PlanResolver
{
    /// <summary>How many trials are made before a group is given up: beyond any order seen, and minutes of work.</summary>
    public const int MaxTrials = 100_000;

    /// <summary>How many trials are written to the log.</summary>
    private const int LoggedTrials = 50;

    private readonly IReadOnlyList<PlanCandidate> _candidates;
    private readonly Action<string> _log;
    private readonly int[] _choice;
    private readonly CancellationToken _cancellationToken;
    private int _trials;
    private PlanTrial? _passed;
    private string? _firstFailure;

    private PlanResolver(IReadOnlyList<PlanCandidate> candidates, Action<string> log, CancellationToken cancellationToken)
    {
        _candidates = candidates;
        _log = log;
        _choice = new int[candidates.Count];
        _cancellationToken = cancellationToken;
    }

    /// <summary>Number of trials made.</summary>
    internal int Trials => _trials;

    /// <summary>Resolves the candidates, whose detect all passed.</summary>
    /// <param name="candidates">In the order of the group.</param>
    /// <param name="log">Takes the reference's lines: the number of each trial, who is skipped and why, who fails it.</param>
    /// <param name="cancellationToken">Stops the search.</param>
    /// <exception cref="LifecycleException">More than <see cref="MaxTrials"/> would be needed.</exception>
    public static PlanOutcome Resolve(IReadOnlyList<PlanCandidate> candidates, Action<string> log, CancellationToken cancellationToken = default) =>
        Resolve(candidates, log, out _, cancellationToken);

    internal static PlanOutcome Resolve(IReadOnlyList<PlanCandidate> candidates, Action<string> log, out int trials, CancellationToken cancellationToken = default)
    {
        var resolver = new PlanResolver(candidates, log, cancellationToken);
        resolver.Search(0);
        trials = resolver.Trials;
        if (resolver._passed is not { } trial)
            return new PlanOutcome(null, new BuildPlan([]), resolver._firstFailure);
        var elements = trial.Remaining.Select(i => candidates[i].Element).ToList();
        var group = new Group([.. elements.Where(e => e.Kind == ModuleKind.Buildpack)], [.. elements.Where(e => e.Kind == ModuleKind.Extension)]);
        return new PlanOutcome(group, trial.Plan(), null);
    }

    /// <summary>Tries the options from this position on; null when one passed, else the earlier positions without whose change none can pass.</summary>
    private HashSet<int>? Search(int position)
    {
        if (position == _candidates.Count)
            return Try();
        var conflict = new HashSet<int>();
        for (var option = 0; option < _candidates[position].Plan.Options.Count; option++)
        {
            _choice[position] = option;
            var because = Search(position + 1);
            if (because is null || !because.Remove(position))
                return because;
            conflict.UnionWith(because);
        }
        return conflict;
    }

    private HashSet<int>? Try()
    {
        _cancellationToken.ThrowIfCancellationRequested();
        if (++_trials > MaxTrials)
            throw new LifecycleException(ExitCode.DetectError, $"gave up resolving the plan after {MaxTrials} trials: {string.Join(", ", _candidates.Select(c => c.Element))} have too many alternatives; split the group");
        var trial = PlanTrial.Run(_candidates, _choice);
        if (_trials <= LoggedTrials || trial.Conflict is null)
            Log(trial);
        if (trial.Conflict is null)
            _passed = trial;
        else
            _firstFailure ??= trial.Messages[^1];
        return trial.Conflict;
    }

    private void Log(PlanTrial trial)
    {
        _log($"Resolving plan... (try #{Number()})");
        trial.Messages.ForEach(_log);
    }

    /// <summary>The number the trial has when none is left out.</summary>
    private BigInteger Number()
    {
        var number = BigInteger.Zero;
        for (var i = 0; i < _choice.Length; i++)
            number = (number * _candidates[i].Plan.Options.Count) + _choice[i];
        return number + 1;
    }
}
