using System.Text;
using CsCheck;
using Grid.Buildpacks.Export;

namespace Grid.Buildpacks.Tests.Export;

/// <summary>Globs against a matcher that tries every way, as Go's documentation of filepath.Match defines it.</summary>
public sealed class PathGlobPropertyTests
{
    private static readonly string[] Elements = ["*", "*", "?", "a", "b", "😀", "[ab]", "[^a]", "[a-c]", "[^a-b]", "\\*", "\\a", "[\\]-a]", "[😀]"];

    private static readonly string[] Letters = ["a", "b", "c", "*", "]", "-", "😀", "é"];

    private static readonly Gen<string[]> Pattern = Gen.Int[0, Elements.Length - 1].Array[0, 6].Select(picks => picks.Select(i => Elements[i]).ToArray());

    private static readonly Gen<string> Name = Gen.Int[0, Letters.Length - 1].Array[0, 6].Select(picks => string.Concat(picks.Select(i => Letters[i])));

    [Fact]
    [Spec("buildpack/slice.syntax")]
    public void MatchPart_AnyPattern_AgreesWithTryingEveryWay() => Gen.Select(Pattern, Name).Sample((pattern, name) =>
        PathGlob.MatchPart(string.Concat(pattern), name) == Matches(pattern, [.. name.EnumerateRunes()]), iter: 50_000);

    [Fact]
    public void MatchPart_ManyStars_TakesNoTimeThatMatters() =>
        PathGlob.MatchPart(string.Concat(Enumerable.Repeat("*a", 2_000)) + "b", new string('a', 20_000)).ShouldBeFalse();

    private static bool Matches(string[] pattern, Rune[] name)
    {
        if (pattern.Length == 0)
            return name.Length == 0;
        if (pattern[0] == "*")
            return Enumerable.Range(0, name.Length + 1).Any(taken => Matches(pattern[1..], name[taken..]));
        return name.Length > 0 && MatchesOne(pattern[0], name[0].ToString()) && Matches(pattern[1..], name[1..]);
    }

    private static bool MatchesOne(string element, string character) => element switch
    {
        "?" => true,
        "[ab]" => character is "a" or "b",
        "[^a]" => character is not "a",
        "[a-c]" => character is "a" or "b" or "c",
        "[^a-b]" => character is not ("a" or "b"),
        "[\\]-a]" => character is "]" or "a",
        "[😀]" => character == "😀",
        _ => character == element.TrimStart('\\'),
    };
}
