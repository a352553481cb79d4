namespace Grid.Buildpacks.Detect;

/// <summary>A module that passed detect, with its options.</summary>
public sealed record PlanCandidate(GroupElement Element, bool Optional, IReadOnlyList<PlanOption> Options);

/// <summary>A group and plan that fit, and how many modules were left out.</summary>
public sealed record Resolution(IReadOnlyList<GroupElement> Elements, BuildPlan Plan);

/// <summary>
/// Finds the first combination of options in which every requirement is met by an earlier or the same module and everything provided is
/// required by a later or the same one (spec-facts §1.8). The first module's options vary slowest. Prefixes that cannot be completed are not
/// tried, which changes the time and not the answer.
/// </summary>
public sealed class PlanResolver(IReadOnlyList<PlanCandidate> candidates)
{
    /// <summary>Bound on combinations that are looked at: hostile plans must not hold a worker.</summary>
    public const int MaxTrials = 1_000_000;

    private readonly List<string> _messages = [];
    private int _trials;

    /// <summary>What was wrong with the last trial, for people.</summary>
    public IReadOnlyList<string> Messages => _messages;

    /// <summary>The first combination that fits, or null.</summary>
    /// <exception cref="LifecycleException">More than <see cref="MaxTrials"/> combinations.</exception>
    public Resolution? Resolve() => Search(0, []);

    private Resolution? Search(int index, List<Choice> chosen)
    {
        if (index == candidates.Count)
        {
            Count();
            return Try(chosen);
        }
        var candidate = candidates[index];
        for (var option = 0; option < candidate.Options.Count; option++)
        {
            // Only in its last option may an optional module be dropped: its alternatives are tried first.
            var choice = new Choice(candidate, candidate.Options[option], candidate.Optional && option == candidate.Options.Count - 1);
            chosen.Add(choice);
            var found = CanComplete(chosen) ? Search(index + 1, chosen) : Refuse(choice);
            chosen.RemoveAt(chosen.Count - 1);
            if (found is not null)
                return found;
        }
        return null;
    }

    private Resolution? Refuse(Choice choice)
    {
        Count();
        _messages.Clear();
        _messages.Add($"fail: {choice.Element} requires {string.Join(", ", choice.Option.Requires.Select(r => r.Name))}");
        return null;
    }

    private void Count()
    {
        if (++_trials > MaxTrials)
            throw new LifecycleException(ExitCode.DetectError, $"the modules' plans have more than {MaxTrials} combinations of alternatives; reduce the [[or]] entries in their plans");
    }

    /// <summary>A required module whose requirement nobody so far provides will not be helped by those that come later.</summary>
    private static bool CanComplete(List<Choice> chosen)
    {
        var last = chosen[^1];
        return last.Optional || last.Option.Requires.All(r => chosen.Exists(c => c.Option.Provides.Contains(r.Name)));
    }

    private Resolution? Try(List<Choice> all)
    {
        _messages.Clear();
        var chosen = all.ToList();
        while (true)
        {
            var plan = Pair(chosen);
            var unfit = Unfit(plan.UnmetRequires, "requires").Concat(plan.UnmetRequires.Count > 0 ? [] : Unfit(plan.UnusedProvides, "provides unused")).ToHashSet();
            if (unfit.Any(c => !c.Optional))
                return null;
            if (unfit.Count > 0)
            {
                chosen.RemoveAll(unfit.Contains);
                continue;
            }
            // Extensions alone build nothing (spec-facts §14 row 32).
            if (chosen.TrueForAll(c => c.Element.Kind != ModuleKind.Buildpack))
            {
                _messages.Add("fail: no viable buildpacks in group");
                return null;
            }
            return new Resolution([.. chosen.Select(c => c.Element)], new BuildPlan(plan.Entries));
        }
    }

    private IEnumerable<Choice> Unfit(IReadOnlyList<(Choice Choice, string Name)> found, string what)
    {
        foreach (var (choice, name) in found)
        {
            _messages.Add($"{(choice.Optional ? "skip" : "fail")}: {choice.Element} {what} {name}");
            yield return choice;
        }
    }

    private static Pairing Pair(List<Choice> chosen)
    {
        var order = new List<string>();
        var byName = new Dictionary<string, Dependency>(StringComparer.Ordinal);
        var unmet = new List<(Choice, string)>();
        foreach (var choice in chosen)
        {
            foreach (var name in choice.Option.Provides)
                Of(name).Waiting.Add(choice);
            foreach (var require in choice.Option.Requires)
            {
                var dependency = Of(require.Name);
                dependency.Providers.AddRange(dependency.Waiting);
                dependency.Waiting.Clear();
                if (dependency.Providers.Count == 0)
                    unmet.Add((choice, require.Name));
                else
                    dependency.Requires.Add(require);
            }
        }
        var unused = order.SelectMany(n => byName[n].Waiting.Select(c => (c, n))).OrderBy(u => chosen.IndexOf(u.c)).ToList();
        return new Pairing(unmet, unused, [.. order.Select(n => byName[n]).Where(d => d.Requires.Count > 0).Select(d => d.ToEntry())]);

        Dependency Of(string name)
        {
            if (!byName.TryGetValue(name, out var dependency))
            {
                byName[name] = dependency = new Dependency();
                order.Add(name);
            }
            return dependency;
        }
    }

    private sealed record Choice(PlanCandidate Candidate, PlanOption Option, bool Optional)
    {
        public GroupElement Element => Candidate.Element;
    }

    private sealed record Pairing(
        IReadOnlyList<(Choice Choice, string Name)> UnmetRequires, IReadOnlyList<(Choice Choice, string Name)> UnusedProvides, IReadOnlyList<PlanEntry> Entries);

    private sealed class Dependency
    {
        /// <summary>Provided, but required by nobody since.</summary>
        public List<Choice> Waiting { get; } = [];

        public List<Choice> Providers { get; } = [];

        public List<PlanRequire> Requires { get; } = [];

        public PlanEntry ToEntry() => new([.. Providers.Select(p => new PlanProvider(p.Element.Id, p.Element.Version, p.Element.Kind)).Distinct()], [.. Requires]);
    }
}
