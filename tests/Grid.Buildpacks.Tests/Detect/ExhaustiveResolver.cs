using Grid.Buildpacks.Detect;

namespace Grid.Buildpacks.Tests.Detect;

/// <summary>The specification's procedure taken literally: every combination in order, each reduced one removal at a time.</summary>
internal static class ExhaustiveResolver
{
    private sealed record Chosen(GroupElement Element, PlanOption Option, bool Required);

    /// <summary>The first passing combination as text ("none" when there is none), and how many were tried.</summary>
    public static (string Answer, int Trials) Resolve(IReadOnlyList<PlanCandidate> candidates)
    {
        var trials = 0;
        foreach (var choice in Combinations(candidates, 0))
        {
            trials++;
            if (Reduce(choice) is { } rest && rest.Exists(c => c.Element.Kind == ModuleKind.Buildpack))
                return (Text(rest), trials);
        }
        return ("none", trials);
    }

    private static IEnumerable<List<Chosen>> Combinations(IReadOnlyList<PlanCandidate> candidates, int at)
    {
        if (at == candidates.Count)
        {
            yield return [];
            yield break;
        }
        var candidate = candidates[at];
        for (var i = 0; i < candidate.Plan.Options.Count; i++)
        {
            var required = !candidate.Optional || i < candidate.Plan.Options.Count - 1;
            foreach (var rest in Combinations(candidates, at + 1))
                yield return [new Chosen(candidate.Element, candidate.Plan.Options[i], required), .. rest];
        }
    }

    private static List<Chosen>? Reduce(List<Chosen> trial)
    {
        while (trial.FindIndex(c => IsUnmet(trial, c)) is >= 0 and var at)
        {
            if (trial[at].Required)
                return null;
            trial.RemoveAt(at);
        }
        return trial;
    }

    private static bool IsUnmet(List<Chosen> trial, Chosen one)
    {
        var at = trial.IndexOf(one);
        return one.Option.Requires.Any(r => !trial.Take(at + 1).Any(c => c.Option.Provides.Contains(r.Name)))
            || one.Option.Provides.Any(p => !trial.Skip(at).Any(c => c.Option.Requires.Any(r => r.Name == p)));
    }

    private static string Text(List<Chosen> rest)
    {
        var names = rest.SelectMany(c => c.Option.Provides).Distinct();
        var entries = names.Select(n =>
            string.Join(',', rest.SelectMany(c => c.Option.Provides.Where(p => p == n).Select(_ => c.Element.Id))) + ": "
            + string.Join(',', rest.SelectMany(c => c.Option.Requires.Where(r => r.Name == n).Select(r => r.Name))));
        return string.Join(' ', rest.Select(c => c.Element.Id).Order(StringComparer.Ordinal)) + " / " + string.Join("; ", entries.Order(StringComparer.Ordinal));
    }
}
