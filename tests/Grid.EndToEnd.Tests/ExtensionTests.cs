using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests;

/// <summary>What the public samples do with orders, composites and extensions, in small.</summary>
public sealed class ExtensionTests(TestMachine machine)
{
    [Fact]
    public async Task Build_CompositeOptionalAndFailedGroup_ChoosesTheGroupThatPasses()
    {
        var bench = await machine.NewAsync();
        bench.Builder
            .Buildpack("test/other-language", detect: "exit 100", inOrder: false)
            .Buildpack("test/absent", detect: "exit 100", build: "echo absent runs; exit 1", inOrder: false)
            .Buildpack("test/one", build: "echo one builds", inOrder: false)
            .Buildpack("test/two", inOrder: false)
            .Composite("test/family", "test/one", "test/two")
            .Group(("test/other-language", false))
            .Group(("test/absent", true), ("test/family", false))
            .Extension("test/only-provides", generate: "true", detect: "printf '[[provides]]\\nname = \"thing\"\\n' >\"$CNB_BUILD_PLAN_PATH\"");

        var run = (await bench.BuildAsync()).ShouldSucceed();

        run.Log.ShouldContain("one builds");
        run.Log.ShouldNotContain("absent runs");
        run.Steps().ShouldBeEmpty();
        var image = await BuiltImage.ReadAsync(bench.Layout);
        var buildpacks = System.Text.Json.JsonSerializer.Deserialize<System.Text.Json.JsonElement>(image.Label("io.buildpacks.build.metadata")).GetProperty("buildpacks");
        buildpacks.EnumerateArray().Select(b => b.GetProperty("id").GetString()).ShouldBe(["test/one", "test/two"]);
    }

    [Fact]
    [Spec("platform/extend.apply", "platform/extend.build-base", "platform/extend.run-base", "platform/extend.context")]
    [Spec("platform/extend.build-phase", "platform/extend.output", "platform/extend.skip-builder", "platform/extend.environment")]
    [Spec("platform/build.environment", "platform/detect.build-environment")]
    public async Task Build_DockerfilesWithEverything_ChangeBothImages()
    {
        var bench = await machine.NewAsync();
        bench.Builder
            .Buildpack("test/app", BuilderDirectory.WebProcess + "\necho \"build image: $(cat /from/context.txt) $(cat /heredoc) ${GREETING-unset} $(id -u)\"")
            .Extension("test/everything", """
                mkdir -p "$CNB_OUTPUT_DIR/context/dir"
                echo kept >"$CNB_OUTPUT_DIR/context/dir/context.txt"
                echo ignored >"$CNB_OUTPUT_DIR/context/dir/ignored.tmp"
                echo '**/*.tmp' >"$CNB_OUTPUT_DIR/context/.dockerignore"
                cat >"$CNB_OUTPUT_DIR/extend-config.toml" <<'TOML'
                [[build.args]]
                name = "greeting"
                value = "hello build"

                [[run.args]]
                name = "greeting"
                value = "hello run"
                TOML
                for image in build run; do
                cat >"$CNB_OUTPUT_DIR/$image.Dockerfile" <<'DOCKERFILE'
                ARG base_image
                FROM ${base_image}
                ARG greeting=nobody
                ENV GREETING=${greeting}
                USER root
                COPY --chown=1001:1001 --chmod=750 dir /from
                RUN <<SCRIPT
                set -e
                echo "$greeting" >/heredoc
                rm -rf /var
                SCRIPT
                WORKDIR /somewhere
                LABEL test.label="${greeting}"
                ARG user_id
                ARG group_id
                USER ${user_id}:${group_id}
                DOCKERFILE
                done
                """);

        var run = (await bench.BuildAsync()).ShouldSucceed();

        // Only variables on the specification's list reach buildpacks from a build.Dockerfile, as with the reference.
        run.Log.ShouldContain("build image: kept hello build unset 1001");
        var image = await BuiltImage.ReadAsync(bench.Layout);
        image.Env.ShouldContain("GREETING=hello run");
        image.Label("test.label").ShouldBe("hello run");
        image.User.ShouldBe("1001:1001");
        var bundle = await image.UnpackAsync(Path.Combine(bench.Root, "bundle"));
        (await Tool.RunAsync("stat", "-c", "%a %u:%g", $"{bundle}/rootfs/from/context.txt")).ShouldBe("750 1001:1001\n");
        (await File.ReadAllTextAsync($"{bundle}/rootfs/heredoc")).ShouldBe("hello run\n");
        File.Exists($"{bundle}/rootfs/from/ignored.tmp").ShouldBeFalse();
        Directory.Exists($"{bundle}/rootfs/var").ShouldBeFalse();
        Directory.Exists($"{bundle}/rootfs/somewhere").ShouldBeTrue();
        Leftovers.Of(bench.Data, bench.Data).ShouldBeEmpty();
    }

    [Fact]
    [Spec("platform/extend.run-base", "platform/export.base.run-image")]
    public async Task Build_ExtensionSwitchesTheRunImage_AppStandsOnTheOtherOne()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        await registry.PushAsync(bench.Images.OtherRun, "base/other:1");
        bench.Builder.Buildpack("test/app")
            .Dockerfiles("test/lost", run: BuilderDirectory.AsRoot("RUN echo lost >/lost"))
            .Dockerfiles("test/switch", run: $"FROM {registry.Host}/base/other:1")
            .Dockerfiles("test/after", run: BuilderDirectory.AsRoot("RUN cat /etc/other-run-image >/after"));

        var run = (await bench.BuildAsync()).ShouldSucceed();

        run.Steps().ShouldBe(["ExtendRun 4 Ran"]);
        var image = await BuiltImage.ReadAsync(bench.Layout);
        var bundle = await image.UnpackAsync(Path.Combine(bench.Root, "bundle"));
        (await File.ReadAllTextAsync($"{bundle}/rootfs/after")).ShouldBe("yes\n");
        File.Exists($"{bundle}/rootfs/lost").ShouldBeFalse();
    }

    /// <summary>A directory that all sandboxes of the grid see.</summary>
    private const string Meeting = "--mount=type=cache,id=meeting,target=/meeting";

    /// <summary>Waits for a file, in the end in vain.</summary>
    private static string Until(string file) => $"n=0 && until test -e {file}; do n=$((n+1)); test $n -lt 1200 || exit 9; sleep 0.1; done";

    [Fact]
    public async Task Extenders_BothKinds_OverlapInTime()
    {
        var bench = await machine.NewAsync();
        // Each waits until the other is there.
        bench.Builder.Buildpack("test/app").Dockerfiles("test/meet",
            BuilderDirectory.AsRoot($"RUN {Meeting} echo here >/meeting/build; {Until("/meeting/run")}; echo b >/b"),
            BuilderDirectory.AsRoot($"RUN {Meeting} echo here >/meeting/run; {Until("/meeting/build")}; echo r >/r"));
        var run = (await bench.BuildAsync()).ShouldSucceed();
        run.Steps().ShouldBe(["ExtendBuild 4 Ran", "ExtendRun 4 Ran"], ignoreOrder: true);
    }

    [Theory]
    [InlineData("build", "run")]
    [InlineData("run", "build")]
    public async Task Extenders_OneFails_TheOtherIsStopped(string failing, string waiting)
    {
        var bench = await machine.NewAsync();
        var fails = BuilderDirectory.AsRoot($"# a comment\nRUN {Meeting} echo these are the && {Until("/meeting/waiting")} && echo last words >&2 && exit 7");
        var waits = BuilderDirectory.AsRoot($"RUN {Meeting} echo waiting && echo here >/meeting/waiting && sleep 3661.8734");
        bench.Builder.Buildpack("test/app").Dockerfiles("test/fails", failing == "build" ? fails : waits, failing == "run" ? fails : waits);

        var run = await bench.BuildAsync();

        run.ShouldFail(102, "test/fails", $"{failing}.Dockerfile", "5", $"RUN {Meeting} echo these are the", "code 7");
        run.End.GetProperty("failure").GetProperty("output").GetString()!.ShouldContain("last words");
        run.Log.ShouldContain("waiting");
        var failed = run.Of("output").Single(e => e.GetProperty("text").GetString()!.Contains("last words", StringComparison.Ordinal)).GetProperty("at").GetDateTimeOffset();
        // Long before the other would have ended by itself.
        (run.End.GetProperty("at").GetDateTimeOffset() - failed).ShouldBeLessThan(TimeSpan.FromMinutes(10), run.ToString());
        run.Of("phase-finished", waiting == "build" ? "ExtendBuild" : "ExtendRun").Single().GetProperty("state").GetString().ShouldBe("Cancelled");
        Leftovers.Of(bench.Data, "3661.8734").ShouldBeEmpty();
        Directory.Exists(bench.Layout).ShouldBeFalse();
    }
}
