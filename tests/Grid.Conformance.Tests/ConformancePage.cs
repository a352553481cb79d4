using System.Globalization;
using System.Text;

namespace Grid.Conformance.Tests;

/// <summary>docs/conformance.md: each clause and each decision with the tests that prove it, or the reason there is none.</summary>
internal static class ConformancePage
{
    private static readonly Dictionary<string, string> Titles = new()
    {
        ["platform"] = "Platform interface (platform.md, Platform API 0.15)",
        ["buildpack"] = "Buildpack interface (buildpack.md, Buildpack API 0.12)",
        ["image_extension"] = "Image extension interface (image_extension.md)",
        ["distribution"] = "Distribution (distribution.md, Distribution API 0.3)",
    };

    public static string Write(IReadOnlyList<Clause> clauses, IReadOnlyList<Decision> decisions, IReadOnlyList<Proof> proofs)
    {
        var tests = proofs.ToLookup(proof => proof.What);
        var page = new StringBuilder();
        page.Append(CultureInfo.InvariantCulture, $"""
            # Conformance

            What the Cloud Native Buildpacks specification demands of a lifecycle, in our words, and the tests that prove that Grid does it.
            Made by Grid.Conformance.Tests from the attributes on the tests and from `tests/Grid.Conformance.Tests/Clauses`; do not edit it by hand:
            build all tests, then run that project with `GRID_UPDATE_CONFORMANCE=1`. The tests of one clause run with `-trait "spec=<id>"`.

            {Summary(clauses, tests)}

            """);
        string[] gaps =
        [
            .. clauses.Where(clause => clause.Gap is not null).Select(clause => $"- `{clause.Id}`: {clause.Gap}\n"),
            .. decisions.Where(decision => decision.Gap is not null).Select(decision => $"- Decision {decision.Row}, {decision.Topic}: {decision.Gap}\n"),
        ];
        if (gaps.Length > 0)
            page.Append("\n## What does not hold yet\n\n").AppendJoin("", gaps);
        foreach (var document in ClauseFiles.Documents)
        {
            page.Append(CultureInfo.InvariantCulture, $"\n## {Titles[document]}\n");
            foreach (var section in clauses.Where(clause => clause.Id.StartsWith(document + "/", StringComparison.Ordinal)).GroupBy(clause => clause.Section))
            {
                page.Append(CultureInfo.InvariantCulture, $"\n### {section.Key}\n\n| clause | demand | shown by |\n|---|---|---|\n");
                foreach (var clause in section)
                    page.Append(CultureInfo.InvariantCulture, $"| `{clause.Id}` | {clause.Level}: {Cell(clause.Demand)} | {Shown(clause, tests[clause.Id])} |\n");
            }
        }
        page.Append("\n## Decisions\n\nWhere the reference lifecycle and the specification differ, or the reference has a defect, and what Grid does.\n\n| row | topic | Grid | shown by |\n|---|---|---|---|\n");
        foreach (var decision in decisions)
            page.Append(CultureInfo.InvariantCulture, $"| {decision.Row} | {Cell(decision.Topic)} | {Cell(decision.Choice)} | {Shown(decision, tests[$"decision/{decision.Row}"])} |\n");
        return page.ToString();
    }

    private static string Summary(IReadOnlyList<Clause> clauses, ILookup<string, Proof> tests)
    {
        var proven = clauses.Count(clause => clause.Gap is null && tests.Contains(clause.Id));
        var gaps = clauses.Count(clause => clause.Gap is not null);
        return $"{clauses.Count} clauses: {proven} are shown by tests, {clauses.Count - proven - gaps} do not apply for the reason given, {gaps} do not hold yet.";
    }

    private static string Shown(Clause clause, IEnumerable<Proof> proofs) =>
        string.Join("<br>", new[] { Names(proofs), Cell(clause.Reason ?? ""), clause.Gap is null ? "" : "**Does not hold yet:** " + Cell(clause.Gap) }.Where(part => part.Length > 0));

    private static string Shown(Decision decision, IEnumerable<Proof> proofs) => decision.Gap is null ? Names(proofs) : "**Not done yet:** " + Cell(decision.Gap);

    private static string Names(IEnumerable<Proof> proofs) => string.Join("<br>", proofs
        .GroupBy(proof => $"{proof.Project["Grid.".Length..^".Tests".Length]}: {proof.Test}")
        .OrderBy(group => group.Key, StringComparer.Ordinal)
        .Select(group => group.Key + Cases(group)));

    private static string Cases(IEnumerable<Proof> proofs)
    {
        var cases = proofs.Select(proof => proof.Case).OfType<string>().Distinct().Order(StringComparer.Ordinal).ToList();
        return cases.Count == 0 ? "" : $" ({string.Join(", ", cases)})";
    }

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal);
}
