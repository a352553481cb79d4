using Grid.Buildpacks.Generate;
using Grid.Buildpacks.Tests.Support;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Tests.Generate;

public sealed class RunImageSelectionTests
{
    private static readonly RunDockerfileEffect Extend = new(null, Extends: true);

    [Fact]
    [Spec("platform/detect.ext.all-extend")]
    public void Choose_OnlyExtensions_KeepsTheBase() => RunImageSelection.Choose([Extend, null, Extend]).ShouldBe(new RunImageSelection(null, true, 0));

    [Fact]
    [Spec("platform/detect.ext.extend-true")]
    public void Choose_SwitchThenExtend_AppliesBoth() => RunImageSelection.Choose([new("new", false), Extend]).ShouldBe(new RunImageSelection("new", true, 0));

    [Fact]
    [Spec("platform/detect.ext.last-switch", "platform/detect.ext.ignored", "platform/detect.ext.extend-false")]
    public void Choose_LaterSwitch_IgnoresWhatCameBefore() =>
        RunImageSelection.Choose([new("a", true), new("b", false)]).ShouldBe(new RunImageSelection("b", false, 1));

    [Fact]
    public void Choose_SwitchWithInstructions_Extends() => RunImageSelection.Choose([new("a", true)]).ShouldBe(new RunImageSelection("a", true, 0));

    [Fact]
    public void Choose_NoRunDockerfiles_ChangesNothing() => RunImageSelection.Choose([null]).ShouldBe(new RunImageSelection(null, false, 0));

    [Theory]
    [InlineData("build_id")]
    [InlineData("user_id")]
    [InlineData("group_id")]
    [Decision(14)]
    public void ExtendConfig_ReservedName_IsRefusedAtItsPlace(string name) =>
        Should.Throw<TomlFormatException>(() => ExtendConfig.From(TomlFile.Parse($"[[run.args]]\nname='{name}'\nvalue='1'\n", "extend-config.toml"), []))
            .Message.ShouldStartWith("extend-config.toml:2:6: [[run.args]] name: ");

    [Fact]
    [Spec("image_extension/config.build-name", "image_extension/config.build-value")]
    public void ExtendConfig_KeepsOrder_AndWarnsOfBaseImage()
    {
        var warnings = new List<string>();

        var config = ExtendConfig.From(TomlFile.Parse("[[build.args]]\nname='b'\nvalue='1'\n[[build.args]]\nname='base_image'\nvalue='x'\n[[build.args]]\nname='a'\nvalue='2'\n", "f"), warnings);

        config.BuildArgs.ShouldBe([new ExtendArg("b", "1"), new ExtendArg("a", "2")]);
        warnings.Count.ShouldBe(1);
    }

    [Fact]
    [Spec("image_extension/config.run-name", "image_extension/config.run-value", "image_extension/config.build-name", "image_extension/config.build-value")]
    public void ExtendConfig_ArgumentsOfBothKinds_AreKeptApart()
    {
        var config = ExtendConfig.From(TomlFile.Parse("[[build.args]]\nname='a'\nvalue='1'\n[[run.args]]\nname='a'\nvalue='2'\n", "f"), []);

        (config.BuildArgs.Single(), config.RunArgs.Single()).ShouldBe((new ExtendArg("a", "1"), new ExtendArg("a", "2")));
        Should.Throw<TomlFormatException>(() => ExtendConfig.From(TomlFile.Parse("[[run.args]]\nvalue='2'\n", "f"), [])).Message.ShouldContain("name: is missing");
    }

    [Fact]
    [Spec("image_extension/context.exclusive", "image_extension/context.shared", "image_extension/context.run")]
    [Spec("image_extension/context.build", "image_extension/context.default")]
    public void Contexts_SharedOrSpecific_NotBoth_AndNoLinks()
    {
        using var tree = new TemporaryTree();
        tree.Add("/one/context/f").Add("/two/context.run/f").Add("/three/context/f").Add("/three/context.build/f").Add("/four/f").Link("/four/context", "/one/context");

        ContextDirectories.Find(tree.Files, "/one").ShouldBe(new ContextDirectories("/one/context", "/one/context"));
        ContextDirectories.Find(tree.Files, "/two").ShouldBe(new ContextDirectories(null, "/two/context.run"));
        Should.Throw<InvalidDataException>(() => ContextDirectories.Find(tree.Files, "/three")).Message.ShouldContain("/three/context.build");
        ContextDirectories.Find(tree.Files, "/four").ShouldBe(new ContextDirectories(null, null));
    }
}
