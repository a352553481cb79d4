using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Build;
using Grid.Buildpacks.Sbom;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Tests.Build;

public sealed class BuildRulesTests
{
    private static readonly GroupElement Buildpack = new(ModuleKind.Buildpack, "a/b", "1", "0.11");

    [Fact]
    [Spec("buildpack/unmet.name")]
    public void BuildToml_UnmetMustHaveBeenGiven()
    {
        BuildToml.From(TomlFile.Parse("[[unmet]]\nname='x'", "build.toml"), Buildpack, ["x", "y"]).Unmet.ShouldBe(["x"]);
        Should.Throw<TomlFormatException>(() => BuildToml.From(TomlFile.Parse("[[unmet]]\nname='z'", "build.toml"), Buildpack, ["x"]))
            .Message.ShouldContain("'z' must match a requested dependency");
        Should.Throw<TomlFormatException>(() => BuildToml.From(TomlFile.Parse("[[unmet]]", "build.toml"), Buildpack, ["x"]));
    }

    [Fact]
    [Spec("buildpack/build.plan", "buildpack/build.met-removed")]
    public void BuildpackPlan_GivesOwnEntries_AndMetOnesGoAsAWhole()
    {
        var plan = new BuildPlan(
        [
            new PlanEntry([new PlanProvider("a/b", "1"), new PlanProvider("c", "1")], [new PlanRequire("x") { MetadataToml = "k = 1\n" }, new PlanRequire("x2")]),
            new PlanEntry([new PlanProvider("c", "1")], [new PlanRequire("y")]),
            new PlanEntry([new PlanProvider("a/b", "1", ModuleKind.Extension)], [new PlanRequire("z")]),
        ]);
        var requires = ModulePlan.For(plan, Buildpack);
        requires.Select(require => require.Name).ShouldBe(["x", "x2"]);
        ModulePlan.Write(requires).ShouldBe("[[entries]]\n  name = \"x\"\n  [entries.metadata]\n    k = 1\n\n[[entries]]\n  name = \"x2\"\n");
        ModulePlan.Write([]).ShouldBe("");
        ModulePlan.Without(plan, new HashSet<string> { "x2" }).Entries.Select(entry => entry.Requires[0].Name).ShouldBe(["y", "z"]);
        ModulePlan.Without(plan, new HashSet<string>()).Entries.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData("launch.sbom.cdx.json", "launch", "application/vnd.cyclonedx+json")]
    [InlineData("my.layer.sbom.syft.json", "my.layer", "application/vnd.syft+json")]
    [InlineData("layer.toml", null, null)]
    [InlineData(".sbom.cdx.json", null, null)]
    [Spec("buildpack/sbom.extension")]
    public void SbomFiles_Parse_ReadsOwnerAndFormat(string name, string? owner, string? mediaType)
    {
        var sbom = SbomFiles.Parse(name);
        sbom?.Owner.ShouldBe(owner);
        sbom?.MediaType.ShouldBe(mediaType);
        (sbom is null).ShouldBe(owner is null);
    }

    [Fact]
    [Spec("buildpack/sbom.extension")]
    public void SbomFiles_UnknownFormat_IsRefused() => Should.Throw<FormatException>(() => SbomFiles.Parse("l.sbom.xml")).Message.ShouldContain("'xml'");
}
