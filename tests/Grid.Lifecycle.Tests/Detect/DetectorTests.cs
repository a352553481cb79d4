using System.Diagnostics;
using Grid.Buildpacks;
using Grid.Buildpacks.Order;
using Grid.Lifecycle.Detect;
using Grid.Lifecycle.Tests.Support;

namespace Grid.Lifecycle.Tests.Detect;

public sealed class DetectorTests : IDisposable
{
    private readonly ModuleFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    [Spec("buildpack/detect.same-image")]
    public async Task DetectAsync_ModulesOfAGroup_RunAtOnce()
    {
        Process.Start("/usr/bin/mkfifo", ["-m", "666", _fixture.Root + "/shared/pipe"]).WaitForExit();
        _fixture.Buildpack("a", $"echo x > {_fixture.Root}/shared/pipe").Buildpack("b", $"cat {_fixture.Root}/shared/pipe");
        using var deadline = new CancellationTokenSource(TimeSpan.FromMinutes(3));

        (await _fixture.DetectAsync(["a b"], cancellationToken: deadline.Token)).Group.Buildpacks.Count.ShouldBe(2);
    }

    [Fact]
    public async Task DetectAsync_DegreeOne_RunsOneAfterAnother()
    {
        _fixture.Buildpack("a").Buildpack("b").Buildpack("c");

        await _fixture.DetectAsync(["a b c"], degree: 1);

        _fixture.Sandbox.MostRunning.ShouldBe(1);
    }

    [Fact]
    public async Task DetectAsync_ModuleInManyGroups_RunsOnce()
    {
        _fixture.Buildpack("a").Buildpack("b", "exit 100").Buildpack("c", "exit 100").Buildpack("d");

        (await _fixture.DetectAsync(["a b", "a c", "a d"])).Group.Buildpacks.Select(b => b.Id).ShouldBe(["a", "d"]);

        _fixture.Sandbox.Runs.Count.ShouldBe(4);
    }

    [Fact]
    [Spec("buildpack/detect.next-group")]
    public async Task DetectAsync_NothingPasses_SaysForEachGroupWhy()
    {
        _fixture.Buildpack("a", "exit 100").Buildpack("b", "printf '[[requires]]\\nname = \"java\"\\n' > $CNB_BUILD_PLAN_PATH");

        var failure = await Should.ThrowAsync<LifecycleException>(_fixture.DetectAsync(["a b?", "b"]));

        failure.ExitCode.ShouldBe(ExitCode.DetectFailed);
        failure.Message.ShouldContain("\n  a@1, b@1: a@1 failed (exit code 100)");
        failure.Message.ShouldContain("\n  b@1: fail: b@1 requires java");
    }

    [Fact]
    [Decision(1)]
    [Decision(2)]
    public async Task DetectAsync_OptionalModuleForAnotherTarget_IsSkippedAndDoesNotRun()
    {
        const string Windows = "[[targets]]\nos = 'windows'\n";
        _fixture.Buildpack("a").Buildpack("w", descriptor: Windows).Extension("e", descriptor: Windows);

        var result = await _fixture.DetectAsync(["+e", "w? a"]);

        result.Group.Buildpacks.Select(b => b.Id).ShouldBe(["a"]);
        result.Group.Extensions.ShouldBeEmpty();
        _fixture.Sandbox.Runs.Count.ShouldBe(1);
        _fixture.Log.Visible.ShouldContain(l => l.StartsWith("skip: w@1: unable to satisfy target", StringComparison.Ordinal));
    }

    [Fact]
    [Spec("platform/system.optional")]
    [Decision(4)]
    public async Task DetectAsync_OptionalSystemBuildpackThatFails_IsDropped()
    {
        _fixture.Buildpack("a").Buildpack("s", "exit 100");
        var system = new SystemFile([], [new OrderElement(ModuleKind.Buildpack, "s", "1") { Optional = true }]);

        (await _fixture.DetectAsync(["a"], system: system)).Group.Buildpacks.Select(b => b.Id).ShouldBe(["a"]);
    }

    [Fact]
    [Spec("platform/detect.exec-env.next", "platform/detect.exec-env.skip")]
    public async Task DetectAsync_GroupWithoutABuildpackForTheExecutionEnvironment_IsPassedOver()
    {
        _fixture.Buildpack("tests", descriptor: "exec-env = ['test']").Buildpack("all");

        (await _fixture.DetectAsync(["tests", "tests all"])).Group.Buildpacks.Select(b => b.Id).ShouldBe(["all"]);
        (await _fixture.DetectAsync(["tests", "all"], _fixture.Environment with { ExecEnv = "test" })).Group.Buildpacks.Select(b => b.Id).ShouldBe(["tests"]);

        _fixture.Sandbox.Runs.Count.ShouldBe(2);
        _fixture.Log.Visible.ShouldContain("skip: tests@1: not for the execution environment production");
    }

    [Theory]
    [InlineData(ExperimentalMode.Error, false, 0)]
    [InlineData(ExperimentalMode.Warn, true, 1)]
    [InlineData(ExperimentalMode.Quiet, true, 0)]
    [Spec("platform/experimental.error", "platform/experimental.warn", "platform/experimental.silent")]
    public async Task DetectAsync_ExtensionsWhereTheyAreExperimental_DependOnTheMode(ExperimentalMode mode, bool goesOn, int warnings)
    {
        _fixture.Buildpack("a").Extension("e");
        var order = new OrderFile([new OrderGroup([new OrderElement(ModuleKind.Buildpack, "a", "1")])], [new OrderGroup([new OrderElement(ModuleKind.Extension, "e", "1") { Optional = true }])]);
        var input = new DetectInput(_fixture.Environment with { PlatformApi = "0.12" }, order) { ExperimentalMode = mode };

        if (goesOn)
            (await Detector.DetectAsync(_fixture.Sandbox, input, _fixture.Log, TestContext.Current.CancellationToken)).Group.Extensions.ShouldHaveSingleItem();
        else
            (await Should.ThrowAsync<LifecycleException>(Detector.DetectAsync(_fixture.Sandbox, input, _fixture.Log, TestContext.Current.CancellationToken))).ExitCode.ShouldBe(ExitCode.Failed);

        _fixture.Log.Lines.Count(line => line.Level == PhaseLogLevel.Warn).ShouldBe(warnings);
    }

    [Fact]
    [Spec("platform/exec-env.slash", "buildpack/exec-env.slash")]
    public async Task DetectAsync_ExecutionEnvironmentWithASlash_IsRefused()
    {
        _fixture.Buildpack("a");

        (await Should.ThrowAsync<LifecycleException>(_fixture.DetectAsync(["a"], _fixture.Environment with { ExecEnv = "a/b" }))).Message.ShouldContain("CNB_EXEC_ENV");
        _fixture.Sandbox.Runs.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("0.14")]
    [InlineData("0.15")]
    [Spec("platform/api.supported", "platform/detect.system.pre")]
    public async Task DetectAsync_SystemBuildpacks_CountSincePlatform015(string platformApi)
    {
        _fixture.Buildpack("a").Buildpack("s");
        var system = new SystemFile([new OrderElement(ModuleKind.Buildpack, "s", "1")], []);

        var result = await _fixture.DetectAsync(["a"], _fixture.Environment with { PlatformApi = platformApi }, system);

        result.Group.Buildpacks.Select(b => b.Id).ShouldBe(platformApi == "0.15" ? ["s", "a"] : ["a"]);
    }

    [Fact]
    [Spec("buildpack/detect.none-passed")]
    [Decision(32)]
    public async Task DetectAsync_OnlyExtensionsPass_IsNoGroup()
    {
        _fixture.Buildpack("a", "exit 100").Extension("e");

        (await Should.ThrowAsync<LifecycleException>(_fixture.DetectAsync(["+e", "a?"]))).ExitCode.ShouldBe(ExitCode.DetectFailed);
    }

    [Theory]
    [InlineData("echo 'a = ' > $2", "plan.toml:1")]
    [InlineData("rm $2; mkfifo $2", "plan.toml")]
    [InlineData("rm $2; mkdir $2", "plan.toml")]
    [InlineData("printf '[[provides]]\\n' > $2", "name: is missing")]
    [InlineData("yes 'a=1' | head -c 9000000 > $2", "larger than 8 MiB")]
    public async Task DetectAsync_PlanThatCannotBeRead_IsAnErrorOfTheModule(string script, string message)
    {
        _fixture.Buildpack("a", script);

        var failure = await Should.ThrowAsync<LifecycleException>(_fixture.DetectAsync(["a"]));

        failure.ExitCode.ShouldBe(ExitCode.DetectFailedWithErrors);
        failure.Message.ShouldContain(message);
    }

    [Fact]
    public async Task DetectAsync_EndlessOutput_IsCut()
    {
        _fixture.Buildpack("a", "yes | head -c 5000000; exit 1");

        await Should.ThrowAsync<LifecycleException>(_fixture.DetectAsync(["a"]));

        _fixture.Log.Lines.ShouldContain(l => l.Line.Contains("was dropped", StringComparison.Ordinal));
    }

    [Fact]
    public async Task DetectAsync_Cancelled_EndsTheModuleAndRemovesItsPlan()
    {
        using var cancel = new CancellationTokenSource();
        _fixture.Buildpack("a", $"touch {_fixture.Root}/shared/started; sleep 600");
        using var watcher = new FileSystemWatcher(_fixture.Root + "/shared");
        watcher.Created += (_, _) => cancel.Cancel();
        watcher.EnableRaisingEvents = true;

        await Should.ThrowAsync<OperationCanceledException>(_fixture.DetectAsync(["a"], cancellationToken: cancel.Token));

        Directory.Exists(Path.GetDirectoryName(_fixture.Sandbox.Runs[0].Arguments[2])).ShouldBeFalse();
    }

    [Fact]
    public async Task DetectAsync_MissingModule_IsNamedBeforeAnythingRuns()
    {
        _fixture.Buildpack("a");

        var failure = await Should.ThrowAsync<LifecycleException>(_fixture.DetectAsync(["a", "nowhere"]));

        failure.ExitCode.ShouldBe(ExitCode.Failed);
        failure.Message.ShouldContain("buildpack nowhere@1 is not in the builder");
        _fixture.Sandbox.Runs.ShouldBeEmpty();
    }
}
