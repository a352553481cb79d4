using System.Text.RegularExpressions;
using CsCheck;

namespace Grid.Dockerfiles.Context;

public sealed class PathPatternTests
{
    private static readonly string[] Parts = ["a", "b", "/", "*", "**", "**/", "?", "[ab]", "[^a]", "."];

    private static readonly Gen<string> Pattern = Gen.Int[0, Parts.Length - 1].Array[0, 8].Select(picks => string.Concat(picks.Select(i => Parts[i])));

    private static readonly Gen<string> Path = Gen.Char["ab/."].Array[0, 10].Select(characters => new string(characters));

    [Fact]
    public void IsMatch_AgreesWithTheRegularExpressionOfTheDocumentation() => Gen.Select(Pattern, Path).Sample((pattern, path) =>
        PathPattern.Ignore(pattern).IsMatch(path) == Regex.IsMatch(path, "\\A" + Oracle(pattern) + "\\z"), iter: 20_000);

    [Fact]
    public void IsMatchOrParent_IsTheMatchOfAnyPrefix() => Gen.Select(Pattern, Path).Sample((pattern, path) =>
    {
        var compiled = PathPattern.Ignore(pattern);
        var prefixes = Enumerable.Range(0, path.Length).Where(i => path[i] == '/').Select(i => path[..i]).Append(path);
        return compiled.IsMatchOrParent(path) == prefixes.Any(compiled.IsMatch);
    }, iter: 20_000);

    // moby/patternmatcher's own translation: "**/" any directories, a final "**" anything, "*" and "?" within a name.
    private static string Oracle(string pattern)
    {
        return Regex.Replace(pattern, @"\*\*/?(?<end>\z)?|\*|\?|\.|\[\^a\]", match => match.Value switch
        {
            "*" => "[^/]*",
            "?" => "[^/]",
            "." => "\\.",
            "[^a]" => "[^/a]",
            _ => match.Groups["end"].Success ? ".*" : "(.*/)?",
        }, RegexOptions.ExplicitCapture);
    }

    [Theory]
    [InlineData("a*b", true)]
    [InlineData("a\\*b", false)]
    [InlineData("a[b", true)]
    [InlineData("ab", false)]
    public void HasWildcards_LooksPastEscapes(string text, bool expected) => PathPattern.HasWildcards(text).ShouldBe(expected);
}
