using System.Globalization;
using System.Text.RegularExpressions;

namespace Grid.Conformance.Tests;

/// <summary>
/// Reads the files in Clauses. A line is <c># section</c>, a clause (<c>id LEVEL demand</c>), or below a clause and indented <c>- reason</c> (why there is no test) or
/// <c>! gap</c> (what does not hold yet).
/// </summary>
internal static partial class ClauseFiles
{
    public static readonly string[] Documents = ["platform", "buildpack", "image_extension", "distribution"];

    public static IReadOnlyList<Clause> Clauses() => [.. Documents.SelectMany(Read)];

    public static IReadOnlyList<Decision> Decisions()
    {
        var decisions = new List<Decision>();
        foreach (var line in Lines("decisions").Where(line => !line.StartsWith('#')))
        {
            if (line.StartsWith("    ! ", StringComparison.Ordinal))
                decisions[^1] = decisions[^1] with { Gap = line[6..] };
            else if (DecisionLine().Match(line) is { Success: true } match)
                decisions.Add(new Decision(int.Parse(match.Groups[1].ValueSpan, CultureInfo.InvariantCulture), match.Groups[2].Value, match.Groups[3].Value));
            else
                throw new FormatException($"decisions.txt: '{line}' is not \"row  topic  choice\" with two spaces between");
        }
        return decisions;
    }

    private static List<Clause> Read(string document)
    {
        var clauses = new List<Clause>();
        var section = "";
        foreach (var line in Lines(document))
        {
            if (line.StartsWith("# ", StringComparison.Ordinal))
                section = line[2..];
            else if (line.StartsWith("    - ", StringComparison.Ordinal))
                clauses[^1] = clauses[^1] with { Reason = line[6..] };
            else if (line.StartsWith("    ! ", StringComparison.Ordinal))
                clauses[^1] = clauses[^1] with { Gap = line[6..] };
            else if (ClauseLine().Match(line) is { Success: true } match)
                clauses.Add(new Clause($"{document}/{match.Groups[1].Value}", section, match.Groups[2].Value, match.Groups[3].Value));
            else
                throw new FormatException($"{document}.txt: '{line}' is no clause");
        }
        return clauses;
    }

    private static IEnumerable<string> Lines(string document) =>
        File.ReadLines(Path.Combine(Repository.Root, "tests/Grid.Conformance.Tests/Clauses", document + ".txt")).Where(line => line.Trim().Length > 0);

    [GeneratedRegex(@"^([a-z0-9.-]+) +(MUST NOT|MUST|SHALL NOT|SHALL|SHOULD NOT|SHOULD|MAY|REQUIRED) +(.+)$")]
    private static partial Regex ClauseLine();

    [GeneratedRegex(@"^(\d+)  +(.+?)  +(.+)$")]
    private static partial Regex DecisionLine();
}
