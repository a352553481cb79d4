using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;
using Grid.Oci;

namespace Grid.Dockerfiles.Context;

public sealed class ContextMatcherTests
{
    private static ContextEntry File(string path, int mode = 0x1A4) => new(path, ContextEntryType.File, mode, 1, Digest.Compute(System.Text.Encoding.UTF8.GetBytes(path)));

    private static ContextEntry Dir(string path) => new(path, ContextEntryType.Directory, 0x1ED);

    private static ContextEntry Link(string path, string target) => new(path, ContextEntryType.SymbolicLink, 0x1FF, LinkTarget: target);

    private static readonly ContextIndex Index = ContextIndex.Create(
    [
        File("a.txt"), File("b.txt"), File("c.md"), File("xy"), File("s p"), File("st*r"),
        Dir("d"), File("d/f"), Dir("d/sub"), File("d/sub/g"), Link("d/out", "/etc/passwd"), File("d-e"),
        Link("ld", "d"), Link("lf", "d/../a.txt"), Link("up", "../../../a.txt"), Link("abs", "/d/sub"), Link("dead", "nothing"), Link("loop", "loop"),
    ]);

    private static IReadOnlyList<CopiedFile> Match(string copy, IgnoreFile? ignore = null, ContextIndex? index = null) =>
        ContextMatcher.Match(Samples.Last<CopyStep>(copy), index ?? Index, ignore);

    private static string[] Pairs(string copy, IgnoreFile? ignore = null) => [.. Match(copy, ignore).Select(file => file.Source + ">" + file.Destination)];

    [Theory]
    [InlineData("COPY a.txt /x", "a.txt>/x")]
    [InlineData("COPY a.txt /x/", "a.txt>/x/a.txt")]
    [InlineData("COPY /a.txt /", "a.txt>/a.txt")]
    [InlineData("COPY ../../a.txt /x", "a.txt>/x")]
    [InlineData("COPY *.txt x? /g/", "a.txt>/g/a.txt|b.txt>/g/b.txt|xy>/g/xy")]
    [InlineData("COPY [ac].* /g/", "a.txt>/g/a.txt|c.md>/g/c.md")]
    [InlineData("COPY [\"s p\", \"/x\"]", "s p>/x")]
    [InlineData("COPY st\\\\*r /x", "st*r>/x")]
    [InlineData("COPY d /e", "d>/e|d/f>/e/f|d/out>/e/out|d/sub>/e/sub|d/sub/g>/e/sub/g")]
    [InlineData("COPY d/ /e", "d>/e|d/f>/e/f|d/out>/e/out|d/sub>/e/sub|d/sub/g>/e/sub/g")]
    [InlineData("COPY d/sub a.txt /e/", "d/sub>/e|d/sub/g>/e/g|a.txt>/e/a.txt")]
    [InlineData("COPY d/s*/g /x", "d/sub/g>/x")]
    [InlineData("COPY */f /x", "d/f>/x")]
    [InlineData("COPY a.txt none* /g/", "a.txt>/g/a.txt")]
    [InlineData("COPY lf /x/", "a.txt>/x/lf")]
    [InlineData("COPY ld/f /x", "d/f>/x")]
    [InlineData("COPY ld /x", "d>/x|d/f>/x/f|d/out>/x/out|d/sub>/x/sub|d/sub/g>/x/sub/g")]
    [InlineData("COPY up /x", "a.txt>/x")]
    [InlineData("COPY abs /x", "d/sub>/x|d/sub/g>/x/g")]
    [InlineData("COPY --exclude=sub --exclude=out d /e", "d>/e|d/f>/e/f")]
    [InlineData("COPY --exclude=b* *.txt /e/", "a.txt>/e/a.txt")]
    [InlineData("COPY --parents d/sub/g a.txt /p/", "d>/p/d|d/sub>/p/d/sub|d/sub/g>/p/d/sub/g|a.txt>/p/a.txt")]
    [InlineData("COPY --parents d/./sub/g /p", "d/sub>/p/sub|d/sub/g>/p/sub/g")]
    [InlineData("COPY --parents **/g /p", "d>/p/d|d/sub>/p/d/sub|d/sub/g>/p/d/sub/g")]
    public void Match_FindsWhatDockerFinds(string copy, string expected) => Pairs(copy).ShouldBe(expected.Split('|'));

    [Fact]
    public void Match_WholeContext_IncludesTheRoot()
    {
        var files = Match("COPY . /m");
        files[0].ShouldBe(new CopiedFile("", "/m", new ContextEntry("", ContextEntryType.Directory, 0x1ED)) { IsRoot = true });
        files.Count.ShouldBe(Index.Entries.Count + 1);
        Match("COPY . /m", index: ContextIndex.Empty).Count.ShouldBe(1);
    }

    [Fact]
    public void Match_FileWithoutSlash_MayGoIntoADirectory()
    {
        Match("COPY lf /x").ShouldHaveSingleItem().ShouldSatisfyAllConditions(f => f.MayGoInto.ShouldBeTrue(), f => f.Name.ShouldBe("lf"));
        Match("COPY a.txt /x/").ShouldHaveSingleItem().MayGoInto.ShouldBeFalse();
    }

    [Fact]
    public void Match_Ignored_IsNotThere()
    {
        var ignore = IgnoreFile.Parse("a.txt\nd/*\n!d/f");
        Pairs("COPY d /e", ignore).ShouldBe(["d>/e", "d/f>/e/f"]);
        Should.Throw<DockerfileException>(() => Match("COPY a.txt /x", ignore)).Message.ShouldContain("not found");
    }

    [Theory]
    [InlineData("COPY nope /x", "COPY source 'nope' is not in the build context: \"/nope\": not found")]
    [InlineData("COPY ../x /x", "COPY source '../x' is not in the build context: \"/x\": not found")]
    [InlineData("COPY a.txt/b /x", "not found")]
    [InlineData("COPY dead /x", "not found")]
    [InlineData("COPY d/out /x", "not found")]
    [InlineData("COPY loop /x", "too many levels of symbolic links")]
    [InlineData("ADD no* /x/", "ADD: no source matches anything in the build context: no*")]
    [InlineData("COPY *.txt /x", "must be a directory and end with a /")]
    [InlineData("COPY a[ /x/", "syntax error in pattern")]
    [InlineData("COPY --parents nope /x", "not found")]
    public void Match_Bad_NamesThePlace(string copy, string what)
    {
        var message = Should.Throw<DockerfileException>(() => Match(copy)).Message;
        message.ShouldStartWith("run.Dockerfile:3:1: ");
        message.ShouldContain(what);
    }

    [Fact]
    public void MatchMounts_ListsWhatABindShows()
    {
        var run = Samples.Last<RunStep>("RUN --mount=type=bind,source=d/sub,target=/s --mount=type=cache,target=/c x");
        ContextMatcher.MatchMounts(run, Index, null).Select(f => f.Source + ">" + f.Destination).ShouldBe(["d/sub>/s", "d/sub/g>/s/g"]);
        var missing = Samples.Last<RunStep>("RUN --mount=type=bind,source=no,target=/s x");
        Should.Throw<DockerfileException>(() => ContextMatcher.MatchMounts(missing, Index, null)).Message.ShouldContain("/no is not in the build context");
    }

    [Theory]
    [InlineData("../a")]
    [InlineData("/a")]
    [InlineData("a//b")]
    [InlineData("./a")]
    [InlineData("")]
    public void Create_PathThatLeadsOut_IsRefused(string path) => Should.Throw<FormatException>(() => ContextIndex.Create([File(path)]));

    [Fact]
    public void Create_DoublePath_IsRefused() => Should.Throw<FormatException>(() => ContextIndex.Create([File("a"), Dir("a")]));
}
