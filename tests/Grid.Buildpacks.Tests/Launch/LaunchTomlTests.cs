using Grid.Buildpacks.Launch;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Tests.Launch;

public sealed class LaunchTomlTests
{
    [Fact]
    [Spec("buildpack/process.type", "buildpack/process.command", "buildpack/label.value")]
    public void From_CurrentApi_ReadsEverything()
    {
        var launch = Read(
            """
            [[processes]]
            type = "web"
            command = ["tool", "always"]
            args = ["user"]
            default = true
            working-dir = "/w"
            exec-env = ["production"]
            [[labels]]
            key = "k"
            value = "v"
            [[slices]]
            paths = ["a/*"]
            """, "0.12");
        var process = launch.Processes.ShouldHaveSingleItem();
        process.Command.ShouldBe(["tool", "always"]);
        (process.Type, process.Default, process.Direct, process.WorkingDirectory, process.BuildpackId).ShouldBe(("web", true, true, "/w", "a"));
        process.ExecEnv.ShouldBe(["production"]);
        launch.Labels.ShouldBe([new LaunchLabel("k", "v")]);
        launch.Slices[0].Paths.ShouldBe(["a/*"]);
    }

    [Theory]
    [InlineData("0.9", "[[processes]]\ntype='w'\ncommand=['x']\ndirect=true", "direct: is not supported")]
    [InlineData("0.9", "[[processes]]\ntype='w'\ncommand='x'", "an array of strings")]
    [InlineData("0.9", "[[processes]]\ntype='w'", "command: is missing or empty")]
    [InlineData("0.8", "[[processes]]\ntype='w'\ncommand=['x']", "want a string")]
    [InlineData("0.11", "[[processes]]\ntype='a/b'\ncommand=['x']", "'a/b' is no process type")]
    [InlineData("0.11", "[[processes]]\ncommand=['x']", "type: is missing")]
    [InlineData("0.11", "[[processes]]\ntype='a'\ncommand=['x']\ndefault=true\n[[processes]]\ntype='b'\ncommand=['x']\ndefault=true", "more than one process")]
    [Spec("buildpack/process.type", "buildpack/process.type-characters", "buildpack/process.command", "buildpack/process.default")]
    public void From_BrokenRule_SaysWhereAndWhat(string api, string toml, string message)
    {
        var error = Should.Throw<TomlFormatException>(() => Read(toml, api));
        error.Message.ShouldStartWith("launch.toml:");
        error.Message.ShouldContain(message);
    }

    [Fact]
    [Spec("buildpack/api.supported", "buildpack/bom.name")]
    public void From_OldApi_CommandIsAStringRunByAShell()
    {
        var launch = Read("[[processes]]\ntype='web'\ncommand='run me'\nworking-dir='/x'\n[[bom]]\nname='dep'\n[bom.metadata]\nv=1", "0.7");
        launch.Processes[0].Command.ShouldBe(["run me"]);
        launch.Processes[0].Direct.ShouldBeFalse();
        launch.Processes[0].WorkingDirectory.ShouldBeNull();
        launch.Bom[0].Name.ShouldBe("dep");
        launch.Warnings.Count.ShouldBe(2);
    }

    [Fact]
    [Spec("buildpack/process.default", "buildpack/process.override", "platform/build.default-process")]
    public void Aggregate_LaterProcessesReplaceEarlierOnes_AndTheDefaultFollows()
    {
        var aggregate = new LaunchAggregate();
        aggregate.Add([Process("web", isDefault: true), Process("b")]).ShouldBeEmpty();
        aggregate.DefaultType.ShouldBe("web");
        aggregate.Add([Process("a"), Process("web") with { BuildpackId = "second" }]).ShouldHaveSingleItem().ShouldContain("[web]");
        aggregate.DefaultType.ShouldBe("");
        aggregate.Add([Process("b", isDefault: true)]);
        aggregate.DefaultType.ShouldBe("b");
        aggregate.Processes.Select(process => process.Type).ShouldBe(["a", "b", "web"]);
        aggregate.Processes[2].BuildpackId.ShouldBe("second");
        aggregate.Processes.ShouldAllBe(process => !process.Default);
    }

    [Fact]
    [Spec("buildpack/process.type-once", "buildpack/label.key")]
    public void From_SameTypeOrKeyTwice_IsKept_AndTheLastCounts()
    {
        var launch = Read("[[processes]]\ntype='web'\ncommand=['first']\n[[processes]]\ntype='web'\ncommand=['second']\n[[labels]]\nkey='k'\nvalue='1'\n[[labels]]\nkey='k'\nvalue='2'\n", "0.12");
        var aggregate = new LaunchAggregate();
        aggregate.Add(launch.Processes);

        aggregate.Processes.ShouldHaveSingleItem().Command.ShouldBe(["second"]);
        launch.Labels.Select(label => label.Value).ShouldBe(["1", "2"]);
    }

    private static LaunchProcess Process(string type, bool isDefault = false) => new() { Type = type, Command = ["x"], Default = isDefault };

    private static LaunchToml Read(string toml, string api) =>
        LaunchToml.From(TomlFile.Parse(toml, "launch.toml"), new GroupElement(ModuleKind.Buildpack, "a", "1", api));
}
