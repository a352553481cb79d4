using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Build;
using Grid.Lifecycle.Tests.Export;
using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Lifecycle.Tests.Build;

public sealed class BuildPhaseTests : IAsyncDisposable
{
    private const string Toml = "api = '0.11'\n[buildpack]\nid = 'x'\nversion = '1'\nsbom-formats = ['application/spdx+json']\n";

    private readonly ScriptedSandbox _sandbox = new();
    private readonly CapturedLog _log = new();

    public BuildPhaseTests()
    {
        if (Environment.UserName != "root")
            Assert.Skip("giving files to the builder's user needs root");
    }

    [Fact]
    [Spec("buildpack/build.plan", "buildpack/build.unmet-default", "buildpack/build.unmet-passed-on")]
    [Spec("buildpack/build.met-removed", "buildpack/build.next")]
    public async Task Run_UnmetEntriesReachTheNextProvider_MetOnesDoNot()
    {
        var plans = new List<string>();
        int Build(ProcessSpec process)
        {
            plans.Add(_sandbox.Read(process.Arguments[3]));
            if (plans.Count == 1)
                _sandbox.Write(process.Arguments[1] + "/build.toml", "[[unmet]]\nname = 'two'\n");
            return 0;
        }
        _sandbox.AddBuildpack("a", Toml, Build);
        _sandbox.AddBuildpack("b", Toml, Build);
        var providers = new[] { new PlanProvider("a", "1"), new PlanProvider("b", "1") };
        await RunAsync(new BuildPlan([new PlanEntry(providers, [new PlanRequire("one")]), new PlanEntry(providers, [new PlanRequire("two")])]), "a", "b");
        plans.ShouldBe(["[[entries]]\n  name = \"one\"\n\n[[entries]]\n  name = \"two\"\n", "[[entries]]\n  name = \"two\"\n"]);
        _sandbox.Tree.List("/tmp").ShouldBeEmpty();
    }

    [Fact]
    [Spec("buildpack/build.fail")]
    public async Task Run_BuildFails_NamesBuildpackAndExitCode()
    {
        _sandbox.AddBuildpack("a", Toml, _ => 7);
        var error = await Should.ThrowAsync<LifecycleException>(() => RunAsync(new BuildPlan([]), "a"));
        error.ExitCode.ShouldBe(ExitCode.BuildpackBuildFailed);
        error.Message.ShouldContain("a@1");
        error.Message.ShouldContain("exit code 7");
    }

    [Theory]
    [InlineData("l.toml", "launch = true", "l.toml:1:")]
    [InlineData("launch.toml", "[[processes]]", "launch.toml:1:")]
    [InlineData("build.toml", "[[unmet]]\nname='z'", "'z' must match")]
    [InlineData("l.sbom.cdx.json", "{}", "undeclared media type 'application/vnd.cyclonedx+json'")]
    [InlineData("l.sbom.xml", "{}", "the format 'xml' is unknown")]
    [Spec("buildpack/descriptor.sbom-formats")]
    public async Task Run_BrokenOutput_Is52AndSaysWhere(string file, string text, string message)
    {
        _sandbox.AddBuildpack("a", Toml, process =>
        {
            _sandbox.Write($"{process.Arguments[1]}/{file}", text);
            return 0;
        });
        var error = await Should.ThrowAsync<LifecycleException>(() => RunAsync(new BuildPlan([]), "a"));
        error.ExitCode.ShouldBe(ExitCode.BuildError);
        error.Message.ShouldContain(message);
    }

    [Theory]
    [InlineData("/layers/sbom")]
    [InlineData("/layers/config")]
    [InlineData("/layers/a/l")]
    public async Task Run_LinksWhereTheLifecycleWritesOrPacks_AreNotFollowed(string link)
    {
        _sandbox.Write("/root/secret", "s");
        _sandbox.AddBuildpack("a", Toml, _ =>
        {
            _sandbox.Write("/layers/a/l.toml", "[types]\nlaunch = true");
            _sandbox.Tree.CreateSymbolicLink(link, "/root");
            return 0;
        });
        (await Should.ThrowAsync<LifecycleException>(() => RunAsync(new BuildPlan([]), "a"))).Message.ShouldContain(link);
        _sandbox.Tree.List("/root").Select(entry => entry.Name).ShouldBe(["secret"]);
    }

    [Fact]
    public async Task Run_RootOrMissingBuildpack_IsRefused()
    {
        var root = GoldenBuild.Environment with { User = new ProcessUser(0, 0) };
        (await Should.ThrowAsync<LifecycleException>(() => BuildPhase.RunAsync(
            _sandbox, new BuildInput(root, new Group([], []), new BuildPlan([])), _log, TestContext.Current.CancellationToken))).ExitCode.ShouldBe(ExitCode.BuildError);
        (await Should.ThrowAsync<LifecycleException>(() => RunAsync(new BuildPlan([]), "missing"))).Message.ShouldContain("missing@1 is not in the builder");
    }

    [Fact]
    [Spec("buildpack/api.supported", "platform/stack.inherited")]
    public async Task Run_OldBuildpackApi_GetsNoNewVariables()
    {
        IReadOnlyList<string> environment = [];
        _sandbox.AddBuildpack("old", Toml, process =>
        {
            environment = process.Environment;
            return 0;
        });
        await BuildPhase.RunAsync(
            _sandbox,
            new BuildInput(GoldenBuild.Environment, new Group([new GroupElement(ModuleKind.Buildpack, "old", "1", "0.7")], []), new BuildPlan([])),
            _log,
            TestContext.Current.CancellationToken);
        environment.Where(line => line.StartsWith("CNB_", StringComparison.Ordinal)).ShouldBe(["CNB_BUILDPACK_DIR=/cnb/buildpacks/old/1", "CNB_STACK_ID=ref.bookworm"]);
    }

    public ValueTask DisposeAsync() => _sandbox.DisposeAsync();

    private Task<BuildMetadata> RunAsync(BuildPlan plan, params string[] ids) => BuildPhase.RunAsync(
        _sandbox,
        new BuildInput(GoldenBuild.Environment, new Group([.. ids.Select(id => new GroupElement(ModuleKind.Buildpack, id, "1", "0.11"))], []), plan),
        _log,
        TestContext.Current.CancellationToken);
}
