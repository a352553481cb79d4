using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Tests.Detect;

public sealed class PlanFileTests
{
    [Fact]
    [Spec("buildpack/detect.plan-sections", "buildpack/trial.order")]
    public void From_TopLevelFirst_ThenAlternativesAsWritten()
    {
        var plan = Read("[[provides]]\nname='a'\n[[requires]]\nname='b'\n[requires.metadata]\nversion='1'\nwhen=2026-01-02\n[[or]]\n[[or.provides]]\nname='c'\n[[or]]\n");

        plan.Options.Select(o => string.Join(',', o.Provides)).ShouldBe(["a", "c", ""]);
        plan.Options[0].Requires[0].ShouldBe(new PlanRequire("b") { MetadataToml = "version = \"1\"\nwhen = 2026-01-02\n" });
    }

    [Fact]
    public void From_EmptyFile_IsOneEmptyOption() => Read("").Options.ShouldHaveSingleItem().Provides.ShouldBeEmpty();

    [Theory]
    [InlineData("[[requires]]\nname='a'\nversion='1'\n", ModuleKind.Buildpack, "plan.toml:3:9: [[requires]] version")]
    [InlineData("[[or]]\n[[or.requires]]\nname='a'\nversion='1'\n", ModuleKind.Buildpack, "plan.toml:4:9: [[or.requires]] version")]
    [InlineData("[[requires]]\nname='a'\n", ModuleKind.Extension, "plan.toml:1:1: requires: an extension may only provide")]
    [InlineData("[[or]]\n[[or.requires]]\nname='a'\n", ModuleKind.Extension, "[[or]] requires: an extension may only provide")]
    [InlineData("[[provides]]\n", ModuleKind.Buildpack, "[[provides]] name: is missing")]
    [InlineData("requires='a'\n", ModuleKind.Buildpack, "requires: want an array of tables ([[requires]]), not a string")]
    [Spec("buildpack/requires.version", "buildpack/detect.plan-lists", "image_extension/detect.provides-only")]
    [Spec("image_extension/detect.no-requires")]
    public void From_AgainstTheRules_NamesThePlace(string text, ModuleKind kind, string message) =>
        Should.Throw<TomlFormatException>(() => Read(text, kind)).Message.ShouldContain(message);

    [Fact]
    [Spec("image_extension/plan.met", "buildpack/build.ext-meets", "platform/detect.ext.plan")]
    public void ModulePlan_EntryWithAMetName_GoesAsAWhole()
    {
        var plan = new BuildPlan([
            new PlanEntry([new PlanProvider("e", "1", ModuleKind.Extension)], [new PlanRequire("x")]),
            new PlanEntry([new PlanProvider("e", "1")], [new PlanRequire("x"), new PlanRequire("x")]),
            new PlanEntry([new PlanProvider("e", "1")], [new PlanRequire("y")])]);
        var extension = new GroupElement(ModuleKind.Extension, "e", "1", "0.10");

        var asked = ModulePlan.For(plan, extension);

        asked.ShouldBe([new PlanRequire("x")]);
        ModulePlan.Without(plan, asked.Select(a => a.Name).ToHashSet()).Entries.ShouldHaveSingleItem().Requires[0].Name.ShouldBe("y");
    }

    private static PlanFile Read(string text, ModuleKind kind = ModuleKind.Buildpack) => PlanFile.From(TomlFile.Parse(text, "plan.toml"), kind);
}
