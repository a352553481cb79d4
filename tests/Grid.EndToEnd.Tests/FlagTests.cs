using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests;

/// <summary>Flags of <c>grid build</c> that change what is built and where it goes.</summary>
public sealed class FlagTests(TestMachine machine)
{
    [Fact]
    public async Task Build_Env_ReachesBuildpacksAsPlatformEnvironment()
    {
        var bench = await machine.NewAsync();
        bench.Environment["FROM_OUTSIDE"] = "outer";
        bench.Builder.Buildpack("test/app", BuilderDirectory.WebProcess + "\necho \"<$INNER> <$FROM_OUTSIDE> <$(cat \"$CNB_PLATFORM_DIR/env/INNER\")>\"");

        var run = (await bench.BuildAsync("--env", "INNER=a=b c", "--env", "FROM_OUTSIDE")).ShouldSucceed();

        run.Log.ShouldContain("<a=b c> <outer> <a=b c>");
        (await BuiltImage.ReadAsync(bench.Layout)).Env.ShouldNotContain(variable => variable.Contains("a=b c", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Build_RunImage_ReplacesTheBuilders()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app");

        (await bench.BuildAsync("--run-image", bench.Images.OtherRun)).ShouldSucceed();

        var bundle = await (await BuiltImage.ReadAsync(bench.Layout)).UnpackAsync(Path.Combine(bench.Root, "bundle"));
        File.Exists(Path.Combine(bundle, "rootfs/etc/other-run-image")).ShouldBeTrue();
    }

    [Fact]
    [Spec("platform/export.every-tag")]
    public async Task Build_TagsInALayout_AreOneImage()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app");

        var result = await bench.GridAsync("build", bench.App, "--builder", bench.Builder.Write(), "--image", "test/app:1", "--tag", "test/app:2", "--output", $"oci:{bench.Layout}");

        result.ExitCode.ShouldBe(0, result.ToString());
        var one = await Tool.RunAsync("skopeo", "inspect", "--raw", $"oci:{bench.Layout}:1");
        (await Tool.RunAsync("skopeo", "inspect", "--raw", $"oci:{bench.Layout}:2")).ShouldBe(one);
        var digest = result.Output.Split('\n').Single(line => line.StartsWith("Digest ", StringComparison.Ordinal))[7..];
        digest.ShouldBe("sha256:" + Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(one))));
    }

    [Fact]
    [Spec("buildpack/analyze.previous")]
    public async Task Build_PreviousImage_GivesItsLaunchLayersBack()
    {
        const string Layer = """
            if [ -f "$CNB_LAYERS_DIR/kept.toml" ]; then
              echo "found $(cat "$CNB_LAYERS_DIR/kept.toml" | tr '\n' ' ')"
              printf '[types]\nlaunch = true\n[metadata]\nkey = "v1"\n' >"$CNB_LAYERS_DIR/kept.toml"
            else
              mkdir "$CNB_LAYERS_DIR/kept"
              date +%s%N >"$CNB_LAYERS_DIR/kept/when"
              printf '[types]\nlaunch = true\n[metadata]\nkey = "v1"\n' >"$CNB_LAYERS_DIR/kept.toml"
            fi
            """;
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app", BuilderDirectory.WebProcess + "\n" + Layer);
        (await bench.BuildAsync()).ShouldSucceed();

        var second = (await BuildRun.OfAsync(bench.Start("build", bench.App, "--builder", bench.Builder.Write(), "--image", "test/renamed", "--previous-image", $"oci:{bench.Layout}:app",
            "--output", $"oci:{bench.Layout}:renamed", "--json"))).ShouldSucceed();

        second.Log.ShouldContain("found");
        second.Log.ShouldContain("key = \"v1\"");
        (await BuiltImage.ReadAsync(bench.Layout, "renamed")).DiffIds.ShouldBe((await BuiltImage.ReadAsync(bench.Layout)).DiffIds);
    }

    [Fact]
    public async Task Build_Unchanged_GivesTheSameDigestFromTheCache()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Dockerfiles("test/both", BuilderDirectory.AsRoot("RUN echo b >/b\nCOPY . /context"), BuilderDirectory.AsRoot("RUN date +%N >/r"));

        var first = (await bench.BuildAsync()).ShouldSucceed();
        var second = (await bench.BuildAsync()).ShouldSucceed();
        var refreshed = (await bench.BuildAsync("--refresh-extensions")).ShouldSucceed();

        second.Steps().ShouldAllBe(step => step.EndsWith("Cached", StringComparison.Ordinal));
        second.Digest.ShouldBe(first.Digest);
        refreshed.Steps().ShouldAllBe(step => step.EndsWith("Ran", StringComparison.Ordinal));
        refreshed.Digest.ShouldNotBe(first.Digest);
    }

    [Fact]
    public async Task Build_DockerfileChanged_SaysWhatMissedTheCache()
    {
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app").Extension("test/args", """
            printf '[[build.args]]\nname = "version"\nvalue = "%s"\n' "$(cat version.txt)" >"$CNB_OUTPUT_DIR/extend-config.toml"
            """ + "\n" + BuilderDirectory.Write("build.Dockerfile", BuilderDirectory.AsRoot("ARG version\nRUN echo $version >/version")));
        await File.WriteAllTextAsync(Path.Combine(bench.App, "version.txt"), "1");
        (await bench.BuildAsync()).ShouldSucceed();

        await File.WriteAllTextAsync(Path.Combine(bench.App, "version.txt"), "2");
        var second = (await bench.BuildAsync()).ShouldSucceed();

        second.Of("step-started").Single().GetProperty("missReason").GetString()!.ShouldContain("version");
    }

    [Fact]
    public async Task Build_OutputDocker_LoadsTheImageIntoTheEngine()
    {
        await SandboxKindTests.RequireEngineAsync();
        var bench = await machine.NewAsync();
        bench.Builder.Buildpack("test/app");
        var name = $"grid-e2e/{Guid.NewGuid():N}:1";

        var result = await bench.GridAsync("build", bench.App, "--builder", bench.Builder.Write(), "--image", name, "--output", "docker");

        result.ExitCode.ShouldBe(0, result.ToString());
        (await Tool.RunAsync("docker", "run", "--rm", name)).ShouldBe("hello from the app\n");
        await Tool.RunAsync("docker", "rmi", name);
    }
}
