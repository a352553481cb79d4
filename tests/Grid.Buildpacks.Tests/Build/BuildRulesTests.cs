using Grid.Buildpacks.Build;
using Grid.Buildpacks.Sbom;
using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Tests.Build;

public sealed class BuildRulesTests
{
    private static readonly GroupElement Buildpack = new(ModuleKind.Buildpack, "a/b", "1", "0.11");

    [Fact]
    public void BuildToml_UnmetMustHaveBeenGiven()
    {
        BuildToml.From(TomlFile.Parse("[[unmet]]\nname='x'", "build.toml"), Buildpack, ["x", "y"]).Unmet.ShouldBe(["x"]);
        Should.Throw<TomlFormatException>(() => BuildToml.From(TomlFile.Parse("[[unmet]]\nname='z'", "build.toml"), Buildpack, ["x"]))
            .Message.ShouldContain("'z' must match a requested dependency");
        Should.Throw<TomlFormatException>(() => BuildToml.From(TomlFile.Parse("[[unmet]]", "build.toml"), Buildpack, ["x"]));
    }

    [Fact]
    public void BuildpackPlan_GivesOwnEntries_AndMetOnesGoAsAWhole()
    {
        var plan = new BuildPlan(
        [
            new PlanEntry([new PlanProvider("a/b", "1"), new PlanProvider("c", "1")], [new PlanRequire("x") { MetadataToml = "k = 1\n" }, new PlanRequire("x2")]),
            new PlanEntry([new PlanProvider("c", "1")], [new PlanRequire("y")]),
            new PlanEntry([new PlanProvider("a/b", "1", ModuleKind.Extension)], [new PlanRequire("z")]),
        ]);
        var requires = BuildpackPlan.For(plan, Buildpack);
        requires.Select(require => require.Name).ShouldBe(["x", "x2"]);
        BuildpackPlan.Write(requires).ShouldBe("[[entries]]\n  name = \"x\"\n  [entries.metadata]\n    k = 1\n\n[[entries]]\n  name = \"x2\"\n");
        BuildpackPlan.Write([]).ShouldBe("");
        BuildpackPlan.Without(plan, new HashSet<string> { "x2" }).Entries.Select(entry => entry.Requires[0].Name).ShouldBe(["y", "z"]);
        BuildpackPlan.Without(plan, new HashSet<string>()).Entries.Count.ShouldBe(3);
    }

    [Theory]
    [InlineData("launch.sbom.cdx.json", "launch", "application/vnd.cyclonedx+json")]
    [InlineData("my.layer.sbom.syft.json", "my.layer", "application/vnd.syft+json")]
    [InlineData("layer.toml", null, null)]
    [InlineData(".sbom.cdx.json", null, null)]
    public void SbomFiles_Parse_ReadsOwnerAndFormat(string name, string? owner, string? mediaType)
    {
        var sbom = SbomFiles.Parse(name);
        sbom?.Owner.ShouldBe(owner);
        sbom?.MediaType.ShouldBe(mediaType);
        (sbom is null).ShouldBe(owner is null);
    }

    [Fact]
    public void SbomFiles_UnknownFormat_IsRefused() => Should.Throw<FormatException>(() => SbomFiles.Parse("l.sbom.xml")).Message.ShouldContain("'xml'");

    [Fact]
    public void BuildEnvironment_FollowsTheRulesForFiles()
    {
        var directory = Directory.CreateTempSubdirectory("grid-env-");
        try
        {
            var files = new RootedDirectory(directory.FullName);
            Write(files, "/l/env/OVER", "o");
            Write(files, "/l/env/DEF.default", "d");
            Write(files, "/l/env/HOME.default", "not taken");
            Write(files, "/l/env/LIST.append", "x");
            Write(files, "/l/env/LIST.delim", ";");
            Write(files, "/l/env.build/LIST.prepend", "y");
            Write(files, "/l/env.build/WHAT.unknown", "n");
            Write(files, "/l/env.launch/NO", "n");
            files.CreateDirectory("/l/bin", 0x1ED);
            files.CreateDirectory("/l/lib", 0x1ED);
            files.CreateDirectory("/l/env/sub", 0x1ED);
            Write(files, "/p/env/USER_VAR", " spaces kept\n");
            Write(files, "/p/env/PATH", "/user");
            Write(files, "/c/env/OVER", "operator default loses");
            Write(files, "/c/env/OVER2.override", "wins");
            Write(files, "/c/env/LIST.append", "z");

            var environment = new BuildEnvironment(["PATH=/usr/bin", "HOME=/home/cnb", "SECRET=s", "MINE=m"], ["MINE"]);
            environment.AddLayer(files, "/l");
            environment.AddLayer(files, "/missing");
            environment.For(files, "/p", "/c", [("CNB_LAYERS_DIR", "/layers/a"), ("CNB_TARGET_ARCH_VARIANT", null)]).ShouldBe(
            [
                "CNB_LAYERS_DIR=/layers/a", "DEF=d", "HOME=/home/cnb", "LD_LIBRARY_PATH=/l/lib", "LIBRARY_PATH=/l/lib", "LIST=yxz", "MINE=m", "OVER=o", "OVER2=wins",
                "PATH=/user:/l/bin:/usr/bin", "USER_VAR= spaces kept\n",
            ]);
            // Nothing of user and operator stays, and clear-env leaves the user's out.
            environment.For(files, null, "/none", []).ShouldContain("PATH=/l/bin:/usr/bin");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static void Write(RootedDirectory files, string path, string text)
    {
        files.CreateDirectory(path[..path.LastIndexOf('/')], 0x1ED);
        files.WriteFile(path, System.Text.Encoding.UTF8.GetBytes(text), 0x1A4);
    }
}
