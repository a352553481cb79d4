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
    [Spec("platform/build-image.user")]
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

    [Theory]
    [InlineData("", "build")]
    [InlineData("build = true", "build")]
    [InlineData("cache = true", "build cache")]
    [InlineData("build = true\ncache = true", "build cache")]
    [InlineData("launch = true", "launch")]
    [InlineData("launch = true\nbuild = true", "launch")]
    [InlineData("launch = true\ncache = true", "cache launch")]
    [Spec("platform/export.sbom.layer", "platform/export.sbom-build.layer", "buildpack/sbom.build", "buildpack/sbom.launch")]
    public async Task Run_SbomOfALayer_GoesWhereTheLayerGoes(string types, string kinds)
    {
        _sandbox.AddBuildpack("a", Toml, _ =>
        {
            _sandbox.Write("/layers/a/l/file", "x");
            _sandbox.Write("/layers/a/l.toml", "[types]\n" + types);
            _sandbox.Write("/layers/a/l.sbom.spdx.json", "{}");
            return 0;
        });

        await RunAsync(new BuildPlan([]), "a");

        _sandbox.Tree.List("/layers/sbom").Select(entry => entry.Name).Where(kind => _sandbox.Tree.Stat($"/layers/sbom/{kind}/a/l/sbom.spdx.json") is not null).ShouldBe(kinds.Split(' '));
    }

    [Fact]
    [Spec("buildpack/bom.launch", "buildpack/bom.build", "buildpack/bom.name")]
    public async Task Run_OldBills_AreCollectedOfAllBuildpacks()
    {
        foreach (var id in (string[])["a", "b"])
        {
            _sandbox.AddBuildpack(id, Toml, _ =>
            {
                foreach (var kind in (string[])["launch", "build"])
                    _sandbox.Write($"/layers/{id}/{kind}.toml", $"[[bom]]\nname = '{kind} {id}'\n[bom.metadata]\nv = 1\n");
                return 0;
            });
        }
        var group = new Group([new GroupElement(ModuleKind.Buildpack, "a", "1", "0.7"), new GroupElement(ModuleKind.Buildpack, "b", "1", "0.8")], []);

        await BuildPhase.RunAsync(_sandbox, new BuildInput(GoldenBuild.Environment, group, new BuildPlan([])), _log, TestContext.Current.CancellationToken);

        foreach (var kind in (string[])["launch", "build"])
        {
            var text = _sandbox.Read($"/layers/sbom/{kind}/sbom.legacy.json");
            text.ShouldContain($$$"""{"name":"{{{kind}}} a","metadata":{"v":1},"buildpack":{"id":"a","version":"1"}}""");
            text.ShouldContain($"\"name\":\"{kind} b\"");
        }
    }

    [Fact]
    [Spec("buildpack/build.names")]
    public async Task Run_DirectoriesWithReservedNames_AreNoLayers()
    {
        _sandbox.AddBuildpack("a", Toml, _ =>
        {
            foreach (var name in (string[])["build", "launch", "store"])
                _sandbox.Write($"/layers/a/{name}/bin/x", "");
            return 0;
        });
        IReadOnlyList<string> environment = [];
        _sandbox.AddBuildpack("b", Toml, process =>
        {
            environment = process.Environment;
            return 0;
        });

        await RunAsync(new BuildPlan([]), "a", "b");

        environment.ShouldNotContain(variable => variable.Contains("/layers/a/", StringComparison.Ordinal));
        _sandbox.Tree.Stat("/layers/a/launch/bin/x").ShouldNotBeNull();
    }

    public ValueTask DisposeAsync() => _sandbox.DisposeAsync();

    private Task<BuildMetadata> RunAsync(BuildPlan plan, params string[] ids) => BuildPhase.RunAsync(
        _sandbox,
        new BuildInput(GoldenBuild.Environment, new Group([.. ids.Select(id => new GroupElement(ModuleKind.Buildpack, id, "1", "0.11"))], []), plan),
        _log,
        TestContext.Current.CancellationToken);
}
