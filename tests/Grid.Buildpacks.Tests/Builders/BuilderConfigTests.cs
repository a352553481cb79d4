using Grid.Buildpacks.Builders;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Tests.Builders;

public sealed class BuilderConfigTests
{
    private const string Minimal = """
        [[buildpacks]]
        uri = "bp"
        [[order]]
        [[order.group]]
        id = "a"
        [build]
        image = "build"
        [[run.images]]
        image = "run"

        """;

    [Fact]
    public void Parse_EverythingGiven_IsRead()
    {
        var config = Parse("""
            description = "all"
            [[buildpacks]]
            id = "a"
            version = "1"
            uri = "../bp"
            [[buildpacks]]
            image = "registry.test/bp:1"
            [[extensions]]
            uri = "ext.tgz"
            [[order]]
            group = [{ id = "a", version = "1" }, { id = "b", optional = true }]
            [[order-extensions]]
            [[order-extensions.group]]
            id = "e"
            version = "2"
            [build]
            image = "build"
            [[build.env]]
            name = "V"
            value = "x"
            suffix = "append"
            delim = ":"
            [[run.images]]
            image = "run"
            mirrors = ["m1", "m2"]
            [lifecycle]
            uri = "lc.tgz"
            version = "0.21.0"
            [[targets]]
            os = "linux"
            arch = "arm64"
            [[targets.distros]]
            name = "debian"
            version = "12"
            [[system.pre.buildpacks]]
            id = "p"
            version = "1"
            [[system.post.buildpacks]]
            id = "q"
            optional = true
            """);

        config.Description.ShouldBe("all");
        config.Buildpacks.Select(m => (m.Id, m.Version, m.Uri, m.IsImage)).ShouldBe([("a", "1", "../bp", false), (null, null, "registry.test/bp:1", true)]);
        config.Extensions.Single().Position.Line.ShouldBe(8);
        config.Order.Single().Elements.Select(e => (e.Id, e.Version, e.Optional)).ShouldBe([("a", "1", false), ("b", null, true)]);
        config.OrderExtensions.Single().Elements.Single().Id.ShouldBe("e");
        config.BuildEnv.ShouldBe([new BuilderVariable("V", "x", "append", ":")]);
        config.RunImages.Single().Mirrors.ShouldBe(["m1", "m2"]);
        config.Lifecycle!.Uri.ShouldBe("lc.tgz");
        config.Targets.Select(t => (t.Os, t.Architecture, t.Variant)).ShouldBe([("linux", "arm64", null)]);
        config.SystemPre.Single().Id.ShouldBe("p");
        config.SystemPost.Single().Optional.ShouldBeTrue();
    }

    [Fact]
    public void Parse_OldForm_StackNamesTheImages()
    {
        var config = Parse("""
            [[order]]
            group = [{ id = "a" }]
            [stack]
            id = "some.stack"
            build-image = "build"
            run-image = "run"
            run-image-mirrors = ["m"]
            """);
        (config.BuildImage, config.StackId).ShouldBe(("build", "some.stack"));
        config.RunImages.Single().Image.ShouldBe("run");
        config.RunImages.Single().Mirrors.ShouldBe(["m"]);
    }

    [Theory]
    [InlineData("[run.more]\nimage = \"x\"", "[run] more: unknown key; known are images")]
    [InlineData("[[extensions]]\nurl = \"x\"", "[[extensions]] url: unknown key")]
    [InlineData("[[extensions]]\nid = \"x\"", "want either uri")]
    [InlineData("[[order-extensions]]\ngroup = [{ id = \"e\", optional = true }]", "extensions are always optional")]
    [InlineData("[[order-extensions]]\ngroup = []", "group: is missing")]
    [InlineData("[[build.env]]\nname = \"A=B\"", "'A=B' cannot be the name of a variable")]
    [InlineData("[[build.env]]\nname = \"A\"\nsuffix = \"last\"", "'last' is not one of")]
    [InlineData("[[build.env]]\nname = \"A\"\nsuffix = \"append\"", "delim: is missing")]
    [InlineData("[stack]\nbuild-image = \"other\"", "differs from [stack] build-image 'other'")]
    [InlineData("[stack]\nrun-image = \"other\"", "differs from the first of [[run.images]]")]
    [InlineData("[systems]\nx = 1", "systems: unknown key")]
    public void Parse_WrongPart_SaysWhere(string addition, string message)
    {
        var text = Minimal + addition;
        var error = Should.Throw<TomlFormatException>(() => Parse(text));
        error.Message.ShouldContain(message);
        error.Message.ShouldStartWith("builder.toml:");
        error.Line.ShouldBeGreaterThan(0);
    }

    [Theory]
    [InlineData("[build]\nimage = \"build\"", "build: is missing")]
    [InlineData("[[run.images]]\nimage = \"run\"", "run: is missing")]
    [InlineData("[[order]]\n[[order.group]]\nid = \"a\"", "order: is missing")]
    public void Parse_MissingPart_SaysWhat(string removed, string message) =>
        Should.Throw<TomlFormatException>(() => Parse(Minimal.Replace(removed, ""))).Message.ShouldContain(message);

    private static BuilderConfig Parse(string text) => BuilderConfig.Parse(text, "builder.toml");
}
