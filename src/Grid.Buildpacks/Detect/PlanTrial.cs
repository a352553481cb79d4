namespace Grid.Buildpacks.Detect;

/// <summary>A module of a group whose detect passed.</summary>
public sealed record PlanCandidate(GroupElement Element, bool Optional, PlanFile Plan);

/// <summary>
/// One choice of an option for each candidate, reduced to what can stay (spec-facts §1.8): a require needs an earlier or the same candidate that provides it,
/// a provide needs a later or the same one that requires it; who lacks that goes, and if it is required the trial fails. An optional candidate counts
/// as required in all but its last option, so that alternatives are exhausted before it is dropped.
/// </summary>
/// <remarks>
/// A trial that fails also tells which candidates' choices the failure follows from: any other trial with the same choices there fails as well. A candidate
/// that has an option which could have provided (or required) the missing name is part of that, whether or not it is that option's turn.
/// </remarks>
internal sealed class PlanTrial
{
    private readonly IReadOnlyList<PlanCandidate> _candidates;
    private readonly int[] _choice;
    private readonly HashSet<int>?[] _removedBecause;

    private PlanTrial(IReadOnlyList<PlanCandidate> candidates, int[] choice)
    {
        _candidates = candidates;
        _choice = choice;
        _removedBecause = new HashSet<int>?[candidates.Count];
    }

    /// <summary>Lines for the log: who is left out and why, and last why the trial failed.</summary>
    public List<string> Messages { get; } = [];

    /// <summary>Positions of candidates whose choices make the trial fail; null when it passed.</summary>
    public HashSet<int>? Conflict { get; private set; }

    public static PlanTrial Run(IReadOnlyList<PlanCandidate> candidates, int[] choice)
    {
        var trial = new PlanTrial(candidates, choice);
        while (trial.Conflict is null && trial.RemoveUnmet())
        {
        }
        if (trial.Conflict is null && !trial.Remaining.Any(i => candidates[i].Element.Kind == ModuleKind.Buildpack))
            trial.FailWithoutBuildpacks();
        return trial;
    }

    /// <summary>Who stays, in order.</summary>
    public IEnumerable<int> Remaining => Enumerable.Range(0, _candidates.Count).Where(i => _removedBecause[i] is null);

    /// <summary>The plan of a trial that passed, entries in the order their first provider came (row 7).</summary>
    public BuildPlan Plan()
    {
        var entries = new Dictionary<string, (List<PlanProvider> Providers, List<PlanRequire> Requires)>(StringComparer.Ordinal);
        var order = new List<string>();
        foreach (var i in Remaining)
        {
            var element = _candidates[i].Element;
            foreach (var name in Option(i).Provides)
            {
                if (!entries.TryGetValue(name, out var entry))
                {
                    entries[name] = entry = ([], []);
                    order.Add(name);
                }
                entry.Providers.Add(new PlanProvider(element.Id, element.Version, element.Kind));
            }
            foreach (var require in Option(i).Requires)
                entries[require.Name].Requires.Add(require);
        }
        return new BuildPlan([.. order.Select(name => new PlanEntry(entries[name].Providers, entries[name].Requires))]);
    }

    private PlanOption Option(int i) => _candidates[i].Plan.Options[_choice[i]];

    private bool IsRequired(int i) => !_candidates[i].Optional || _choice[i] < _candidates[i].Plan.Options.Count - 1;

    /// <summary>One pass over all unmet requires, then all unmet provides; whether anybody was removed.</summary>
    private bool RemoveUnmet()
    {
        var before = Remaining.ToList();
        var provided = new HashSet<string>(StringComparer.Ordinal);
        var unmet = new List<(int Candidate, string Name, bool IsRequire)>();
        foreach (var i in before)
        {
            provided.UnionWith(Option(i).Provides);
            unmet.AddRange(Option(i).Requires.Where(r => !provided.Contains(r.Name)).Select(r => (i, r.Name, true)));
        }
        var required = new HashSet<string>(StringComparer.Ordinal);
        var unused = new List<(int, string, bool)>();
        foreach (var i in Enumerable.Reverse(before))
        {
            required.UnionWith(Option(i).Requires.Select(r => r.Name));
            unused.InsertRange(0, Option(i).Provides.Where(p => !required.Contains(p)).Select(p => (i, p, false)));
        }
        unmet.AddRange(unused);
        foreach (var (candidate, name, isRequire) in unmet)
        {
            if (Conflict is null && _removedBecause[candidate] is null)
                Remove(candidate, name, isRequire);
        }
        return unmet.Count > 0;
    }

    private void Remove(int candidate, string name, bool isRequire)
    {
        var because = Because(candidate, name, isRequire);
        var what = $"{_candidates[candidate].Element} {(isRequire ? "requires" : "provides unused")} {name}";
        if (IsRequired(candidate))
            (Conflict, what) = (because, "fail: " + what);
        else
            (_removedBecause[candidate], what) = (because, "skip: " + what);
        Messages.Add(what);
    }

    private HashSet<int> Because(int candidate, string name, bool isRequire)
    {
        var because = new HashSet<int> { candidate };
        var (from, to) = isRequire ? (0, candidate) : (candidate, _candidates.Count - 1);
        for (var i = from; i <= to; i++)
        {
            if (!_candidates[i].Plan.Options.Any(option => Has(option, name, provides: isRequire)))
                continue;
            because.Add(i);
            if (Has(Option(i), name, provides: isRequire) && _removedBecause[i] is { } earlier)
                because.UnionWith(earlier);
        }
        return because;
    }

    private static bool Has(PlanOption option, string name, bool provides) =>
        provides ? option.Provides.Contains(name) : option.Requires.Any(r => r.Name == name);

    private void FailWithoutBuildpacks()
    {
        Conflict = [];
        for (var i = 0; i < _candidates.Count; i++)
        {
            if (_candidates[i].Element.Kind == ModuleKind.Buildpack && _removedBecause[i] is { } because)
                Conflict.UnionWith(because);
        }
        Messages.Add(Remaining.Any() ? "fail: only extensions remain; a group needs a buildpack" : "fail: no viable buildpacks in group");
    }
}
