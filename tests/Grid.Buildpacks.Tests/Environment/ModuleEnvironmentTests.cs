using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Environment;
using Grid.Buildpacks.Tests.Support;

namespace Grid.Buildpacks.Tests.Environment;

public sealed class ModuleEnvironmentTests : IDisposable
{
    private readonly TemporaryTree _tree = new();

    public void Dispose() => _tree.Dispose();

    [Fact]
    [Spec("buildpack/detect.environment", "buildpack/detect.inputs", "buildpack/env.target", "buildpack/env.user")]
    [Spec("buildpack/env.operator", "buildpack/env.reserved", "platform/detect.target", "platform/env.inherited")]
    [Spec("platform/env.user-files", "platform/env.operator-files", "platform/env.operator-file")]
    public void ForDetect_FiltersTheImage_ThenUser_ThenOperator_ThenLifecycle()
    {
        _tree.Add("/platform/env/USER_VAR", "user").Add("/platform/env/PATH", "/user").Add("/cnb/build-config/env/USER_VAR", "ignored default")
            .Add("/cnb/build-config/env/PATH.append", ":/operator").Add("/cnb/build-config/env/CNB_TARGET_OS", "forged");

        ModuleEnvironment.ForDetect(Surroundings("PATH=/bin", "HOME=/home/cnb", "SECRET=x", "JAVA_OPTS=-Da=b"), Module("0.12"), "/plan").ShouldBe([
            "CNB_BUILDPACK_DIR=/cnb/buildpacks/a/1", "CNB_BUILD_PLAN_PATH=/plan", "CNB_EXEC_ENV=test", "CNB_PLATFORM_DIR=/platform", "CNB_TARGET_ARCH=arm64",
            "CNB_TARGET_ARCH_VARIANT=v8", "CNB_TARGET_OS=linux", "HOME=/home/cnb", "PATH=/user:/bin:/operator", "USER_VAR=user"]);
    }

    [Theory]
    [InlineData("0.7", "CNB_BUILDPACK_DIR")]
    [InlineData("0.8", "CNB_BUILDPACK_DIR CNB_BUILD_PLAN_PATH CNB_PLATFORM_DIR")]
    [InlineData("0.10", "CNB_BUILDPACK_DIR CNB_BUILD_PLAN_PATH CNB_PLATFORM_DIR CNB_TARGET_ARCH CNB_TARGET_ARCH_VARIANT CNB_TARGET_OS")]
    [Spec("buildpack/api.supported", "buildpack/detect.inputs")]
    public void ForDetect_OlderApis_GetFewerVariables(string api, string names) =>
        ModuleEnvironment.ForDetect(Surroundings(), Module(api), "/plan").Select(v => v[..v.IndexOf('=', StringComparison.Ordinal)]).ShouldBe(names.Split(' '));

    [Fact]
    [Spec("image_extension/generate.output", "image_extension/generate.directory", "image_extension/generate.environment")]
    public void ForGenerate_AlwaysHasItsDirectories() =>
        ModuleEnvironment.ForGenerate(Surroundings(), Module("0.9") with { Kind = ModuleKind.Extension }, "/out", "/plan")
            .ShouldBe(["CNB_BP_PLAN_PATH=/plan", "CNB_EXTENSION_DIR=/cnb/buildpacks/a/1", "CNB_OUTPUT_DIR=/out", "CNB_PLATFORM_DIR=/platform"]);

    [Fact]
    [Spec("buildpack/build.inputs", "buildpack/build.environment", "buildpack/env.user")]
    public void ForBuild_StartsFromWhatLayersAdded_AndLeavesItAlone()
    {
        _tree.Add("/platform/env/V", "user");
        var accumulated = EnvironmentVariables.Parse(["PATH=/layer/bin", "V=layer"]);

        ModuleEnvironment.ForBuild(Surroundings(), Module("0.8"), accumulated, "/layers/a", "/plan").ShouldBe([
            "CNB_BP_PLAN_PATH=/plan", "CNB_BUILDPACK_DIR=/cnb/buildpacks/a/1", "CNB_LAYERS_DIR=/layers/a", "CNB_PLATFORM_DIR=/platform", "PATH=/layer/bin", "V=user"]);
        accumulated["V"].ShouldBe("layer");
    }

    [Fact]
    [Spec("buildpack/env.clear", "buildpack/env.operator")]
    public void ForDetect_ClearEnv_KeepsTheUsersValuesOut_NotTheOperators()
    {
        _tree.Add("/platform/env/V", "user").Add("/cnb/build-config/env/W", "operator");

        var environment = ModuleEnvironment.ForDetect(Surroundings(), Module("0.7") with { ClearEnv = true }, "/plan");

        environment.ShouldBe(["CNB_BUILDPACK_DIR=/cnb/buildpacks/a/1", "W=operator"]);
    }

    [Fact]
    [Decision(17)]
    public void Base_ExtraNames_PassTheFilter() =>
        ModuleEnvironment.Base(["FROMEXT=yes", "OTHER=x"], new HashSet<string> { "FROMEXT" }).ToList().ShouldBe(["FROMEXT=yes"]);

    [Fact]
    [Spec("image_extension/detect.directory")]
    public void ForDetect_Extension_GetsItsDirectoryAndNotABuildpacks()
    {
        var environment = ModuleEnvironment.ForDetect(Surroundings(), Module("0.10") with { Kind = ModuleKind.Extension, Directory = "/cnb/extensions/e/1" }, "/plan");

        environment.ShouldContain("CNB_EXTENSION_DIR=/cnb/extensions/e/1");
        environment.ShouldNotContain(v => v.StartsWith("CNB_BUILDPACK_DIR=", StringComparison.Ordinal));
    }

    [Fact]
    [Spec("buildpack/env.not-overridden", "platform/build.target", "buildpack/env.target", "platform/env.user-prepended")]
    public void ForBuild_UsersValues_AreNotOverridden_AndTheTargetIsTold()
    {
        _tree.Add("/platform/env/BP_JVM", "21").Add("/platform/env/HOME", "/home/user").Add("/platform/env/PATH", "/user/bin");
        var accumulated = EnvironmentVariables.Parse(["BP_JVM=8", "HOME=/layers/home", "PATH=/layer/bin"]);

        var environment = ModuleEnvironment.ForBuild(Surroundings(), Module("0.10"), accumulated, "/layers/a", "/plan");

        environment.ShouldBeSubsetOf(
        [
            "BP_JVM=21", "CNB_BP_PLAN_PATH=/plan", "CNB_BUILDPACK_DIR=/cnb/buildpacks/a/1", "CNB_LAYERS_DIR=/layers/a", "CNB_PLATFORM_DIR=/platform", "CNB_TARGET_ARCH=arm64",
            "CNB_TARGET_ARCH_VARIANT=v8", "CNB_TARGET_OS=linux", "HOME=/home/user", "PATH=/user/bin:/layer/bin",
        ]);
        environment.Count.ShouldBe(10);
    }

    [Fact]
    [Decision(16)]
    public void Base_ValueWithAnEqualsSign_IsSplitAtTheFirst() =>
        ModuleEnvironment.Base(["PATH=/bin", "OPTS=-Da=b=c"], new HashSet<string> { "OPTS" }).ToList().ShouldBe(["OPTS=-Da=b=c", "PATH=/bin"]);

    private static RunningModule Module(string api) => new(ModuleKind.Buildpack, ApiVersion.Parse(api), "/cnb/buildpacks/a/1", ClearEnv: false);

    private ModuleSurroundings Surroundings(params string[] imageEnv) => new()
    {
        Files = _tree.Files,
        ImageEnv = imageEnv,
        Target = new Target("linux", "arm64") { Variant = "v8" },
        ExecEnv = "test",
    };
}
