namespace Grid.Conformance.Tests;

/// <summary>Nothing the specification demands goes untested unseen.</summary>
public sealed class ConformanceTests
{
    private const string Update = "GRID_UPDATE_CONFORMANCE";

    private static readonly IReadOnlyList<Clause> Clauses = ClauseFiles.Clauses();
    private static readonly IReadOnlyList<Decision> Decisions = ClauseFiles.Decisions();
    private static readonly Lazy<IReadOnlyList<Proof>> Collected = new(Collect);

    [Fact]
    public void Each_clause_has_a_test_or_a_reason()
    {
        var proven = Collected.Value.Select(proof => proof.What).ToHashSet();

        Clauses.Where(clause => !proven.Contains(clause.Id) && clause.Reason is null && clause.Gap is null).Select(clause => clause.Id)
            .ShouldBeEmpty("put [Spec] on a test that proves it, or write the reason below the clause in tests/Grid.Conformance.Tests/Clauses");
    }

    [Fact]
    public void Each_decision_has_a_test()
    {
        var proven = Collected.Value.Select(proof => proof.What).ToHashSet();

        Decisions.Where(decision => decision.Gap is null && !proven.Contains($"decision/{decision.Row}")).Select(decision => $"{decision.Row} {decision.Topic}").ShouldBeEmpty("put [Decision] on a test that shows it");
    }

    [Fact]
    public void Each_attribute_names_a_clause_or_a_decision() =>
        Collected.Value.Where(proof => Clauses.All(clause => clause.Id != proof.What) && Decisions.All(decision => $"decision/{decision.Row}" != proof.What))
            .Select(proof => $"{proof.Project} {proof.Test}: {proof.What}").ShouldBeEmpty();

    [Fact]
    public void Ids_are_given_once()
    {
        Clauses.GroupBy(clause => clause.Id).Where(group => group.Count() > 1).Select(group => group.Key).ShouldBeEmpty();
        Decisions.Select(decision => decision.Row).ShouldBe(Enumerable.Range(1, 35));
    }

    [Fact]
    public void The_page_is_what_the_attributes_say()
    {
        var file = Path.Combine(Repository.Root, "docs/conformance.md");
        var page = ConformancePage.Write(Clauses, Decisions, Collected.Value);
        if (Environment.GetEnvironmentVariable(Update) == "1")
            File.WriteAllText(file, page);

        FirstDifference(File.Exists(file) ? File.ReadAllText(file) : "", page).ShouldBeNull($"docs/conformance.md is not current; build all tests and run this one with {Update}=1");
    }

    private static string? FirstDifference(string committed, string made)
    {
        var (old, current) = (committed.Split('\n'), made.Split('\n'));
        var line = old.Zip(current).TakeWhile(pair => pair.First == pair.Second).Count();
        return line == old.Length && line == current.Length ? null : $"line {line + 1}\n  committed: {old.ElementAtOrDefault(line)}\n  made:      {current.ElementAtOrDefault(line)}";
    }

    private static IReadOnlyList<Proof> Collect()
    {
        var missing = Repository.TestProjects.Where(project => !File.Exists(Repository.AssemblyOf(project))).ToList();
        missing.ShouldBeEmpty("these test projects are not built, so what they prove is unknown; run: dotnet build Grid.sln");
        return [.. Repository.TestProjects.SelectMany(project => TestAssembly.Proofs(Repository.AssemblyOf(project), project))];
    }
}
