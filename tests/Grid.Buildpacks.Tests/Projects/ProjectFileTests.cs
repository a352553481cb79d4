using Grid.Buildpacks.Projects;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Tests.Projects;

public sealed class ProjectFileTests
{
    [Theory]
    [InlineData("*.log", "a.log", true)]
    [InlineData("*.log", "logs/a.log", true)]
    [InlineData("*.log", "a.log.txt", false)]
    [InlineData("/a.txt", "a.txt", true)]
    [InlineData("/a.txt", "b/a.txt", false)]
    [InlineData("src/a", "src/a", true)]
    [InlineData("src/a", "x/src/a", true)]
    [InlineData("node_modules", "node_modules/x/y.js", true)]
    [InlineData("node_modules", "web/node_modules/x", true)]
    [InlineData("node_modules", "node_modules2/x", false)]
    [InlineData("build/", "build/x", true)]
    [InlineData("build/", "build", false)]
    [InlineData("a/**/z", "a/z", true)]
    [InlineData("a/**/z", "a/b/c/z", true)]
    [InlineData("**/tmp", "a/b/tmp", true)]
    [InlineData("tmp/**", "tmp/x", true)]
    [InlineData("tmp/**", "tmp", false)]
    [InlineData("a?c", "abc", true)]
    [InlineData("a?c", "a/c", false)]
    [InlineData("a.c", "abc", false)]
    [InlineData("\\#x", "#x", true)]
    [InlineData("# x", "# x", false)]
    [InlineData("(a+)+b", "(a+)+b", true)]
    public void A_pattern_matches_as_pack_reads_it(string pattern, string path, bool matches) => new SourcePatterns([pattern]).Matches(path, isDirectory: false).ShouldBe(matches);

    [Fact]
    public void The_last_pattern_that_matches_decides()
    {
        var patterns = new SourcePatterns(["*.md", "!README.md", "/docs/README.md"]);

        patterns.Matches("a.md", false).ShouldBeTrue();
        patterns.Matches("README.md", false).ShouldBeFalse();
        patterns.Matches("docs/README.md", false).ShouldBeTrue();
        patterns.TakesBack.ShouldBeTrue();
    }

    [Fact]
    public void A_pattern_for_directories_matches_the_directory() => new SourcePatterns(["build/"]).Matches("build", isDirectory: true).ShouldBeTrue();

    [Theory]
    [InlineData("[_]\nschema-version = \"0.2\"\n[io.buildpacks]\nexclude = [\"x\"]")]
    [InlineData("[build]\nexclude = [\"x\"]")]
    [InlineData("[_]\nschema-version = \"0.1\"\n[build]\nexclude = [\"x\"]")]
    public void Both_schemas_are_read(string text) => ProjectFile.Parse(text, "project.toml").Exclude!.Matches("x", false).ShouldBeTrue();

    [Fact]
    public void A_project_without_lists_keeps_everything() => ProjectFile.Parse("[project]\nid = \"x\"\n", "project.toml").ShouldBe(new ProjectFile());

    [Theory]
    [InlineData("[build]\ninclude = [\"a\"]\nexclude = [\"b\"]", "project.toml:3:11: [build] exclude: there is an include list too")]
    [InlineData("[build]\nexclude = \"b\"", "want an array of strings")]
    [InlineData("[build", "project.toml:1")]
    public void A_file_that_cannot_be_read_says_where(string text, string message) =>
        Should.Throw<TomlFormatException>(() => ProjectFile.Parse(text, "project.toml")).Message.ShouldContain(message);
}
