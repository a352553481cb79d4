using Grid.Buildpacks.Export;
using Grid.Buildpacks.Launch;

namespace Grid.Buildpacks.Tests.Export;

public sealed class PathGlobTests
{
    [Theory]
    [InlineData("*", "anything", true)]
    [InlineData("*.md", "README.md", true)]
    [InlineData("*.md", "README.mdx", false)]
    [InlineData("a*b*c", "aXbbYc", true)]
    [InlineData("a*b*c", "aXbbY", false)]
    [InlineData("**", "x", true)]
    [InlineData("?", "é", true)]
    [InlineData("?", "", false)]
    [InlineData("", "", true)]
    [InlineData("", "a", false)]
    [InlineData("[a-c]x", "bx", true)]
    [InlineData("[^a-c]x", "bx", false)]
    [InlineData("[^a-c]x", "dx", true)]
    [InlineData("[\\]]", "]", true)]
    [InlineData("\\*", "*", true)]
    [InlineData("\\*", "a", false)]
    [InlineData("*[0-9]", "a1b2", true)]
    [InlineData("*a", "baaa", true)]
    [Spec("buildpack/slice.syntax")]
    public void MatchPart_IsGosMatch(string pattern, string name, bool expected) => PathGlob.MatchPart(pattern, name).ShouldBe(expected);

    [Theory]
    [InlineData("[")]
    [InlineData("[a")]
    [InlineData("[]")]
    [InlineData("[a-]")]
    [InlineData("[-a]")]
    [InlineData("a\\")]
    [InlineData("*/x/[")]
    public void Check_BrokenPattern_Throws(string pattern) =>
        Should.Throw<FormatException>(() => PathGlob.Check(pattern)).Message.ShouldContain(pattern);

    [Theory]
    [InlineData("static/a.css", 0)]
    [InlineData("static/deep/x.js", 0)]
    [InlineData("static", 2)]
    [InlineData("README.md", 0)]
    [InlineData("docs/README.md", 1)]
    [InlineData("docs", 1)]
    [InlineData("bin/run", 2)]
    [InlineData("", 2)]
    [Spec("buildpack/slice.preceding", "buildpack/slice.globs", "buildpack/slice.rest", "buildpack/slice.matches")]
    public void AppSlices_FirstMatchingSliceWins_AndTheRestIsTheRemainder(string path, int expected)
    {
        var slices = new AppSlices([new LaunchSlice(["static/*", "./*.md"]), new LaunchSlice(["docs/", "/static/*", "../outside", "docs/../docs"])]);
        slices.Count.ShouldBe(3);
        slices.IndexOf(path).ShouldBe(expected);
    }

    [Fact]
    public void AppSlices_GlobOfTheAppItself_TakesEverything() => new AppSlices([new LaunchSlice(["."])]).IndexOf("a/b").ShouldBe(0);

    [Theory]
    [InlineData("web", true)]
    [InlineData("a/b", false)]
    [InlineData("..", false)]
    [InlineData("a|b", false)]
    [InlineData("", false)]
    [Spec("buildpack/process.type-characters")]
    public void ProcessTypes_NamesThatCannotBeLinks_AreRefused(string type, bool good)
    {
        if (good)
            Should.NotThrow(() => ProcessTypes.Check(type));
        else
            Should.Throw<FormatException>(() => ProcessTypes.Check(type));
    }
}
