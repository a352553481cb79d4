namespace Grid.Launcher.Tests;

public sealed class ProcessSelectionTests
{
    private static readonly LaunchMetadata Metadata = new(
        [LaunchBuildpack.From("t/new", "0.12"), LaunchBuildpack.From("t/old", "0.8")],
        [
            new LaunchProcess("web", ["tool"], ["test"], Direct: true) { BuildpackId = "t/new", ExecEnv = ["test"] },
            new LaunchProcess("web", ["tool", "always"], ["production"], Direct: true) { BuildpackId = "t/new", ExecEnv = ["production", "x"] },
            new LaunchProcess("old", ["run me"], ["arg"], Direct: false) { BuildpackId = "t/old" },
            new LaunchProcess("any", ["tool"], [], Direct: true) { BuildpackId = "t/new", ExecEnv = ["*"] },
            new LaunchProcess("only-test", ["tool"], [], Direct: true) { BuildpackId = "t/new", ExecEnv = ["test"] },
        ]);

    private static LaunchProcess Select(string api, string execEnv, string self, params string[] args) =>
        new ProcessSelection(Metadata, ApiVersion.ForPlatform(api), execEnv).Select(self, args);

    [Theory]
    [InlineData("0.15", "production", "always production")]
    [InlineData("0.15", "test", "test")]
    [InlineData("0.14", "production", "test")]
    [Spec("platform/launch.link.select")]
    public void Select_SeveralProcessesOfAType_FirstThatFitsTheExecutionEnvironment(string api, string execEnv, string args) =>
        string.Join(' ', Select(api, execEnv, "/cnb/process/web").Args).ShouldBe(args);

    [Fact]
    [Spec("platform/launch.link.not-eligible")]
    public void Select_TypeForAnotherExecutionEnvironment_SaysSo() =>
        Should.Throw<LaunchException>(() => Select("0.15", "production", "/cnb/process/only-test"))
            .Message.ShouldContain("'only-test' is not for execution environment 'production'");

    [Fact]
    public void Select_Star_FitsAll() => Select("0.15", "whatever", "any").Type.ShouldBe("any");

    [Fact]
    [Spec("platform/launch.old.append")]
    public void Select_OldBuildpack_UserArgumentsAreAppended() =>
        Select("0.13", "production", "old", "more").Args.ShouldBe(["arg", "more"]);

    [Fact]
    [Spec("platform/launch.shell")]
    public void Select_UnknownName_TakesTheUsersCommand()
    {
        var process = Select("0.13", "production", "/cnb/lifecycle/launcher", "web", "x");
        process.Command.ShouldBe(["web"]);
        process.Args.ShouldBe(["x"]);
        process.Direct.ShouldBeFalse();
        process.Type.ShouldBeEmpty();
    }
}
