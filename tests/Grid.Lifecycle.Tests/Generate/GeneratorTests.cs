using Grid.Buildpacks;
using Grid.Dockerfiles.Planning;
using Grid.Lifecycle.Tests.Support;

namespace Grid.Lifecycle.Tests.Generate;

public sealed class GeneratorTests : IDisposable
{
    private const string Build = "printf 'ARG base_image\\nFROM ${base_image}\\nRUN true\\n' > build.Dockerfile";
    private readonly ModuleFixture _fixture = new();

    public void Dispose() => _fixture.Dispose();

    [Fact]
    [Spec("image_extension/context.shared", "image_extension/config.build-name", "image_extension/config.build-value")]
    public async Task GenerateAsync_DockerfileArgsAndContext_AreInTheResult()
    {
        _fixture.Extension("e", generate: Build + "; mkdir context; touch context/f; printf '[[build.args]]\\nname = \"v\"\\nvalue = \"1\"\\n' > extend-config.toml");

        var extension = (await _fixture.GenerateAsync(["e"])).Extensions.ShouldHaveSingleItem();

        extension.Build!.Text.ShouldBe("ARG base_image\nFROM ${base_image}\nRUN true\n");
        extension.Build.Args.ShouldBe([new BuildArg("v", "1")]);
        extension.Build.ContextDirectory.ShouldBe(_fixture.Root + "/layers/generated/e/context");
        extension.Run.ShouldBeNull();
    }

    [Fact]
    [Spec("image_extension/generate.no-executable", "platform/detect.ext.ignored")]
    [Decision(10)]
    public async Task GenerateAsync_StaticExtension_CountsAsIfItHadGenerated()
    {
        _fixture.Extension("e", detect: null, generate: null).Add("extensions/e/1/generate/run.Dockerfile", "FROM other:1\nRUN true\n")
            .Add("extensions/e/1/generate/context.run/f", "x").Extension("f", generate: "printf 'FROM last:1\\n' > run.Dockerfile");

        var result = await _fixture.GenerateAsync(["e", "f"]);

        (result.SwitchedRunImage, result.ExtendsRun).ShouldBe(("last:1", false));
        result.Extensions[0].Run!.Ignored.ShouldBeTrue();
        result.Extensions[0].Run!.ContextDirectory.ShouldBe(_fixture.Root + "/extensions/e/1/generate/context.run");
        File.ReadAllText(_fixture.Root + "/layers/generated/e/run.Dockerfile.ignore").ShouldBe("FROM other:1\nRUN true\n");
        File.Exists(_fixture.Root + "/extensions/e/1/generate/run.Dockerfile").ShouldBeTrue("the extension itself is not touched");
    }

    [Fact]
    [Spec("image_extension/generate.plan", "image_extension/generate.order", "image_extension/generate.next")]
    [Spec("image_extension/plan.met", "platform/detect.ext.plan", "platform/detect.ext.generate", "buildpack/build.ext-meets")]
    public async Task GenerateAsync_EachExtensionGetsItsPart_AndTakesItFromThePlan()
    {
        _fixture.Extension("e", generate: "cat $3").Extension("f", generate: "cat $3");
        var provider = new PlanProvider("e", "1", ModuleKind.Extension);
        var plan = new BuildPlan([
            new PlanEntry([provider, new PlanProvider("b", "1")], [new PlanRequire("x") { MetadataToml = "when = 2026-01-02\n" }]),
            new PlanEntry([new PlanProvider("b", "1")], [new PlanRequire("y")])]);

        (await _fixture.GenerateAsync(["e", "f"], plan)).Plan.Entries.ShouldHaveSingleItem().Requires[0].Name.ShouldBe("y");

        _fixture.Log.Output.ShouldBe("[[entries]]\n  name = \"x\"\n  [entries.metadata]\n    when = 2026-01-02\n");
    }

    [Fact]
    [Spec("image_extension/generate.fail")]
    public async Task GenerateAsync_FailingExtension_Is91()
    {
        _fixture.Extension("e", generate: "echo because; exit 3");

        var failure = await Should.ThrowAsync<LifecycleException>(_fixture.GenerateAsync(["e"]));

        failure.ExitCode.ShouldBe(ExitCode.GenerateFailed);
        failure.Message.ShouldContain("extension e@1: bin/generate failed with exit code 3");
        _fixture.Log.Output.ShouldBe("because\n");
    }

    [Theory]
    [InlineData("printf 'ARG base_image\\nFROM $base_image\\n' > build.Dockerfile", "build.Dockerfile:2:1")]
    [InlineData("printf '[[run.args]]\\nname = 1\\n' > extend-config.toml", "extend-config.toml:2:8: [[run.args]] name: want a string")]
    [InlineData("mkdir context context.run", "context.run")]
    [InlineData("mkfifo run.Dockerfile", "run.Dockerfile")]
    [InlineData("mkdir run.Dockerfile", "run.Dockerfile")]
    [InlineData("ln -s /nowhere run.Dockerfile", "run.Dockerfile")]
    [InlineData("printf 'FROM x\\n# \\377\\n' > run.Dockerfile", "not UTF-8")]
    [InlineData("yes '# x' | head -c 2000000 > run.Dockerfile", "larger than 1024 KiB")]
    [InlineData("printf 'ARG base_image\\nFROM ${base_image}\\nRUN true\\nRUN --mount=type=cache,target=/c,suid echo $HOME\\n' >\"$CNB_OUTPUT_DIR/build.Dockerfile\"", "build.Dockerfile:4:5: unexpected key 'suid'")]
    [Spec("image_extension/generate.requirements", "image_extension/context.exclusive", "image_extension/config.run-name")]
    public async Task GenerateAsync_BadOutput_Is92_AndNamesExtensionAndPlace(string generate, string place)
    {
        _fixture.Extension("e", generate: generate);

        var failure = await Should.ThrowAsync<LifecycleException>(_fixture.GenerateAsync(["e"]));

        failure.ExitCode.ShouldBe(ExitCode.GenerateError);
        failure.Message.ShouldContain("extension e@1");
        failure.Message.ShouldContain(place);
    }

    [Fact]
    public async Task GenerateAsync_WhatTheImageBrought_IsNotTakenForOutput()
    {
        _fixture.Extension("e").Add("layers/generated/e/run.Dockerfile", "FROM evil\n");

        (await _fixture.GenerateAsync(["e"])).SwitchedRunImage.ShouldBeNull();
    }

    [Fact]
    [Spec("platform/api.supported")]
    public async Task GenerateAsync_OlderPlatform_LaysFilesOutByKind_WhateverTheIdIs()
    {
        _fixture.Extension("build", generate: Build).Extension("run", generate: "printf 'FROM ${base_image}\\nRUN true\\n' > run.Dockerfile");

        await _fixture.GenerateAsync(["build", "run"], environment: _fixture.Environment with { PlatformApi = "0.12" });

        Directory.GetFiles(_fixture.Root + "/layers/generated", "*", SearchOption.AllDirectories).Select(f => f[(_fixture.Root.Length + 18)..]).Order()
            .ShouldBe(["build/build/Dockerfile", "run/run/Dockerfile"]);
    }

    [Fact]
    public async Task GenerateAsync_RunExtensionBeforePlatform012_IsTakenWithAWarning()
    {
        _fixture.Extension("e", generate: "printf 'FROM ${base_image}\\nRUN true\\n' > run.Dockerfile");

        // As the reference: there just is no extender for run images with these platforms.
        (await _fixture.GenerateAsync(["e"], environment: _fixture.Environment with { PlatformApi = "0.11" })).ExtendsRun.ShouldBeTrue();

        _fixture.Log.Visible.ShouldContain(line => line.Contains("can only switch the run image", StringComparison.Ordinal));
    }
}
