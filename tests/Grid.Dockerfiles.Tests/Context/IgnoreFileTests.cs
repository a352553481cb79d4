namespace Grid.Dockerfiles.Context;

public sealed class IgnoreFileTests
{
    [Theory]
    [InlineData("a", "a", true)]
    [InlineData("a", "a/b/c", true)]
    [InlineData("a", "b/a", false)]
    [InlineData("/a", "a", true)]
    [InlineData("a/", "a/b", true)]
    [InlineData(" a \r", "a", true)]
    [InlineData("./a/../b", "b", true)]
    [InlineData("../a", "a", true)]
    [InlineData("*.md", "x.md", true)]
    [InlineData("*.md", "d/x.md", false)]
    [InlineData("*/x.md", "d/x.md", true)]
    [InlineData("**/*.md", "x.md", true)]
    [InlineData("**/*.md", "d/e/x.md", true)]
    [InlineData("**", "a/b", true)]
    [InlineData("a/**", "a", false)]
    [InlineData("a/**", "a/b/c", true)]
    [InlineData("a/**/c", "a/c", true)]
    [InlineData("a/**/c", "a/b/b/c", true)]
    [InlineData("a/**/c", "abc", false)]
    [InlineData("**/a", "xa", false)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a?c", "a/c", false)]
    [InlineData("[ab]x", "bx", true)]
    [InlineData("[^ab]x", "bx", false)]
    [InlineData("[^ab]x", "/x", false)]
    [InlineData("[a-c]", "b", true)]
    [InlineData("\\*", "*", true)]
    [InlineData("\\*", "x", false)]
    [InlineData("\\#a", "#a", true)]
    [InlineData("#a", "#a", false)]
    [InlineData("a.b", "axb", false)]
    [InlineData("(a|b)+", "aa", false)]
    [InlineData("*\n!keep", "keep", false)]
    [InlineData("*\n!keep", "other", true)]
    [InlineData("!keep\n*", "keep", true)]
    [InlineData("d\n!d/keep", "d/keep", false)]
    [InlineData("d\n!d/keep", "d/x", true)]
    [InlineData("*\n!d\nd/x", "d/x", true)]
    [InlineData("*\n!d\nd/x", "d/y", false)]
    [InlineData("", "a", false)]
    [InlineData("/", "a", false)]
    public void Matches_AsDocker(string text, string path, bool ignored) => IgnoreFile.Parse(text).Matches(path).ShouldBe(ignored);

    [Theory]
    [InlineData("ok\n!", ".dockerignore:2: illegal exclusion pattern")]
    [InlineData("a[", ".dockerignore:1: syntax error in pattern")]
    [InlineData("a\\", ".dockerignore:1: syntax error in pattern")]
    [InlineData("[b-a]", ".dockerignore:1: syntax error in pattern")]
    public void Parse_Malformed_NamesTheLine(string text, string what) => Should.Throw<FormatException>(() => IgnoreFile.Parse(text)).Message.ShouldContain(what);

    [Fact]
    public void Matches_HostilePattern_IsLinear()
    {
        var file = IgnoreFile.Parse(string.Concat(Enumerable.Repeat("**/*a", 400)) + "b");
        file.Matches(new string('a', 4000)).ShouldBeFalse();
        file.Matches(string.Concat(Enumerable.Repeat("a/", 1000))).ShouldBeFalse();
    }

    [Fact]
    public void Apply_KeepsDirectoriesAboveWhatIsLeft()
    {
        var index = ContextIndex.Create(new[] { "d", "d/e" }.Select(p => new ContextEntry(p, ContextEntryType.Directory, 493))
            .Concat(new[] { "d/e/keep", "d/e/drop", "f" }.Select(p => new ContextEntry(p, ContextEntryType.File, 420))));
        IgnoreFile.Parse("*\n!d/e/keep").Apply(index).Entries.Select(e => e.Path).ShouldBe(["d", "d/e", "d/e/keep"]);
    }
}
