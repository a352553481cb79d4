using System.Text.Json;
using Grid.Buildpacks.Launch;
using Grid.Buildpacks.Layers;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Tests.Metadata;

public sealed class LabelTests
{
    [Fact]
    public void LifecycleMetadata_Empty_HasTheFieldsOfTheReference() => new LifecycleMetadata { App = [], Buildpacks = [] }.ToLabel().ShouldBe(
        """{"app":[],"buildpacks":[],"config":{"sha":""},"launcher":{"sha":""},"process-types":{"sha":""},"runImage":{"topLayer":"","reference":""}}""");

    [Fact]
    [Spec("platform/label.stack")]
    public void LifecycleMetadata_ReadOfAWrittenLabel_GivesTheSameLabel()
    {
        const string label = """
            {"app":[{"sha":"sha256:1"}],"sbom":{"sha":"s"},"buildpacks":[{"key":"a/b","version":"1","layers":{"l":{"sha":"x","data":{"n":3,"t":"\u003cé"},"build":false,"launch":true,"cache":false},"m":{"sha":"y","data":null,"build":false,"launch":true,"cache":false}},"store":{"metadata":{"k":1.5}}}],"config":{"sha":"c"},"launcher":{"sha":"d"},"process-types":{"sha":""},"runImage":{"topLayer":"t","reference":"r","image":"i","mirrors":["m"]},"stack":{"runImage":{"image":"i"}}}
            """;
        var metadata = LifecycleMetadata.Read(label, out var problem);
        problem.ShouldBeNull();
        metadata!.ToLabel().ShouldBe(label.Trim());
        // Also as the lead's grains send it.
        JsonSerializer.Deserialize<LifecycleMetadata>(JsonSerializer.Serialize(metadata))!.ToLabel().ShouldBe(label.Trim());
    }

    [Theory]
    [InlineData(null, false)]
    [InlineData("", false)]
    [InlineData("{", true)]
    [InlineData("[]", true)]
    [InlineData("{\"app\":3}", true)]
    public void LifecycleMetadata_UnreadableLabel_IsNothingToReuse(string? label, bool hasProblem)
    {
        LifecycleMetadata.Read(label, out var problem).ShouldBeNull();
        (problem is not null).ShouldBe(hasProblem);
    }

    [Fact]
    [Spec("platform/label.build.processes", "platform/label.build.buildpacks", "platform/label.build.launcher", "platform/metadata.fields")]
    [Decision(29)]
    public void BuildLabel_OldPlatforms_HaveBomAndShortCommands()
    {
        var build = new BuildMetadata
        {
            Buildpacks = [new GroupElement(ModuleKind.Buildpack, "a", "1", "0.9")],
            Processes = [new LaunchProcess { Type = "web", Command = ["x", "always"], Args = ["y"], Direct = true, BuildpackId = "a", WorkingDirectory = "/w" }],
        };
        BuildLabel.ToLabel(build, new LauncherMetadata { Version = "1" }, "0.8").ShouldBe(
            """{"bom":null,"buildpacks":[{"id":"a","version":"1"}],"launcher":{"version":"1","source":{"git":{"repository":"","commit":""}}},"processes":[{"type":"web","command":"x","args":["always","y"],"direct":true,"buildpackID":"a","working-dir":"/w"}]}""");
        BuildLabel.ToLabel(build, new LauncherMetadata(), "0.10").ShouldContain("""{"type":"web","command":["x","always"],"args":["y"],"direct":true""");
        MetadataToml.Write(build, "0.9").ShouldContain("  command = \"x\"\n  args = [\"always\", \"y\"]\n");
        MetadataToml.Write(build, "0.15").ShouldContain("  command = [\"x\", \"always\"]\n  args = [\"y\"]\n  direct = true\n  buildpack-id = \"a\"\n  working-dir = \"/w\"\n");
    }

    [Fact]
    [Spec("platform/metadata.exec-env", "platform/metadata.exec-env-none")]
    public void MetadataToml_ExecEnv_StandsWhereABuildpackGaveIt()
    {
        var build = new BuildMetadata
        {
            Buildpacks = [],
            Processes =
            [
                new LaunchProcess { Type = "all", Command = ["x"], ExecEnv = ["*"], BuildpackId = "a" },
                new LaunchProcess { Type = "none", Command = ["x"], BuildpackId = "a" },
                new LaunchProcess { Type = "test", Command = ["x"], ExecEnv = ["test"], BuildpackId = "a" },
            ],
        };

        TomlFile.Parse(MetadataToml.Write(build, "0.15"), "metadata.toml").GetTables("processes").Select(process => string.Join(',', process.GetStrings("exec-env"))).ShouldBe(["*", "", "test"]);
    }

    [Fact]
    public void BuildMetadata_SurvivesJson()
    {
        var build = new BuildMetadata
        {
            Buildpacks = [new GroupElement(ModuleKind.Buildpack, "a", "1", "0.9") { Homepage = "h" }],
            Processes = [new LaunchProcess { Type = "web", Command = ["x"], ExecEnv = ["test"], BuildpackId = "a" }],
            Labels = [new LaunchLabel("k", "v")],
            Slices = [new LaunchSlice(["p"])],
            DefaultProcessType = "web",
        };
        MetadataToml.Write(JsonSerializer.Deserialize<BuildMetadata>(JsonSerializer.Serialize(build))!, "0.15").ShouldBe(MetadataToml.Write(build, "0.15"));
    }

    [Theory]
    [InlineData("", "{}")]
    [InlineData("[source]\ntype = \"git\"", """{"source":{"type":"git","version":null,"metadata":null}}""")]
    [Spec("platform/label.project", "platform/export.label.project")]
    public void ProjectMetadata_WhatIsMissing_IsAsInTheReference(string toml, string label) => ProjectMetadata.ToLabel(toml).ShouldBe(label);

    [Fact]
    public void TomlJson_ToJson_SortsKeysAndWritesNumbersAsGo()
    {
        var table = TomlFile.Parse("b = 1.0\na = 1979-05-27T07:32:00Z\nc = [1, 2.5, true]\nd = 1e21\ne = 1e-7\nf = 1e20\n[z]\nk = '<&>'\n", "t");
        TomlJson.ToJson(table).GetRawText().ShouldBe(
            """{"a":"1979-05-27T07:32:00Z","b":1,"c":[1,2.5,true],"d":1e+21,"e":1e-7,"f":100000000000000000000,"z":{"k":"<&>"}}""");
        Should.Throw<TomlFormatException>(() => TomlJson.ToJson(TomlFile.Parse("x = inf", "f.toml"))).Message.ShouldContain("f.toml:1:");
    }

    [Fact]
    public void TomlJson_ToToml_KeepsWholeNumbersWholeAndDropsNull() =>
        TomlWriter.Write(TomlJson.ToToml(JsonDocument.Parse("""{"n":3,"f":1.5,"x":null,"l":[{"a":1}],"o":{"k":"v"}}""").RootElement))
            .ShouldBe("n = 3\nf = 1.5\n\n[[l]]\n  a = 1\n\n[o]\n  k = \"v\"\n");

    [Fact]
    public void LayerToml_TypesAtTheTop_AreRefused() =>
        Should.Throw<TomlFormatException>(() => LayerToml.From(TomlFile.Parse("x = 1\nlaunch = true", "/layers/a/l.toml"))).Message
            .ShouldStartWith("/layers/a/l.toml:2:");

    [Theory]
    [InlineData("", false, null)]
    [InlineData("[types]\n", false, null)]
    [InlineData("[types]\ncache = true\n[metadata]\nd = 2020-01-01\ni = 1\n", true, "d = 2020-01-01\ni = 1\n")]
    [Spec("buildpack/types.none")]
    public void LayerToml_KeepsMetadataWithTypes(string toml, bool hasTypes, string? metadata)
    {
        var layer = LayerToml.From(TomlFile.Parse(toml, "l.toml"));
        layer.HasTypes.ShouldBe(hasTypes);
        layer.MetadataToml.ShouldBe(metadata);
    }

    [Theory]
    [InlineData("0.9", "0.10", true)]
    [InlineData("0.10", "0.9", false)]
    [InlineData("0.10", "0.10", false)]
    [InlineData("1", "0.12", false)]
    public void ApiOrder_ComparesNumbers(string api, string other, bool below) => api.IsBelow(other).ShouldBe(below);
}
