using Grid.Buildpacks.Detect;

namespace Grid.Buildpacks.Tests.Detect;

/// <summary>Candidates in one line each: <c>A? prov x,y req z | prov q</c>; "?" means optional, "+" an extension, "|" the next option.</summary>
internal static class PlanText
{
    public static IReadOnlyList<PlanCandidate> Candidates(params string[] lines) => [.. lines.Select(Candidate)];

    private static PlanCandidate Candidate(string line)
    {
        var space = line.IndexOf(' ', StringComparison.Ordinal);
        var name = space < 0 ? line : line[..space];
        var options = (space < 0 ? "" : line[space..]).Split('|').Select(Option).ToList();
        var kind = name.Contains('+', StringComparison.Ordinal) ? ModuleKind.Extension : ModuleKind.Buildpack;
        return new PlanCandidate(new GroupElement(kind, name.TrimEnd('?', '+'), "v1", "0.10"), name.Contains('?', StringComparison.Ordinal), new PlanFile(options));
    }

    private static PlanOption Option(string text)
    {
        var words = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string[] After(string keyword) => Array.IndexOf(words, keyword) is >= 0 and var at ? words[at + 1].Split(',') : [];
        return new PlanOption(After("prov"), [.. After("req").Select(n => new PlanRequire(n))]);
    }
}
