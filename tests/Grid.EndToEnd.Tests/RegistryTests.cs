using System.Text.Json;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests;

/// <summary>Builder, run image and app image in a real registry.</summary>
public sealed class RegistryTests(TestMachine machine)
{
    [Fact]
    [Spec("platform/reproducible.digest", "platform/cache.same")]
    public async Task Build_EverythingInARegistry_ImageRunsAndTheSecondBuildIsTheSame()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        await registry.PushAsync(bench.Images.Run, "base/run:1");
        bench.Builder.RunImage = $"{registry.Host}/base/run:1";
        bench.Builder.Buildpack("test/app").Dockerfiles("test/both",
            BuilderDirectory.AsRoot("RUN echo build >/extended"), BuilderDirectory.AsRoot("RUN echo run >/extended"));
        var builder = $"{registry.Host}/builders/tiny:1";
        var created = await bench.GridAsync("builder", "create", "--config", Path.Combine(bench.Builder.Write(), "builder.toml"), "--output", builder);
        created.ExitCode.ShouldBe(0, created.ToString());
        string[] build = ["build", bench.App, "--builder", builder, "--image", $"{registry.Host}/apps/hello:1", "--tag", $"{registry.Host}/apps/hello:also", "--json"];

        var first = (await BuildRun.OfAsync(bench.Start(build))).ShouldSucceed();
        var requests = await registry.RequestsAsync();
        var second = (await BuildRun.OfAsync(bench.Start(build))).ShouldSucceed();

        first.Steps().ShouldBe(["ExtendBuild 4 Ran", "ExtendRun 4 Ran"], ignoreOrder: true);
        second.Steps().ShouldBe(["ExtendBuild 4 Cached", "ExtendRun 4 Cached"], ignoreOrder: true);
        second.Digest.ShouldBe(first.Digest);
        (await registry.TagsAsync("apps/hello")).ShouldBe(["1", "also"], ignoreOrder: true);

        await registry.PullAsync("apps/hello:also", $"oci:{bench.Layout}:app");
        await registry.PullAsync("base/run:1", $"oci:{bench.Layout}:run");
        var image = await BuiltImage.ReadAsync(bench.Layout);
        var run = await BuiltImage.ReadAsync(bench.Layout, "run");
        image.Entrypoint.ShouldBe(["/cnb/process/web"]);
        image.User.ShouldBe("1001:1001");
        image.DiffIds.Take(run.DiffIds.Count).ShouldBe(run.DiffIds);
        var metadata = JsonSerializer.Deserialize<JsonElement>(image.Label("io.buildpacks.lifecycle.metadata"));
        metadata.GetProperty("runImage").GetProperty("topLayer").GetString().ShouldBe(run.DiffIds[^1]);
        metadata.GetProperty("app").GetArrayLength().ShouldBeGreaterThan(0);
        JsonSerializer.Deserialize<JsonElement>(image.Label("io.buildpacks.build.metadata")).GetProperty("buildpacks")[0].GetProperty("id").GetString().ShouldBe("test/app");
        image.Label("io.buildpacks.project.metadata").ShouldNotBeNull();

        // The base's layer was mounted from its repository and never sent.
        var baseLayer = run.LayerDigests[0];
        requests.ShouldContain(r => r.Contains("POST /v2/apps/hello/blobs/uploads", StringComparison.Ordinal) && r.Contains(Escape(baseLayer), StringComparison.Ordinal)
            && r.Contains("from=base", StringComparison.Ordinal) && r.Contains("\" 201 ", StringComparison.Ordinal));
        requests.ShouldNotContain(r => r.Contains("\"PUT /v2/apps/hello/blobs/uploads", StringComparison.Ordinal) && r.Contains(Escape(baseLayer), StringComparison.Ordinal));

        var bundle = await image.UnpackAsync(Path.Combine(bench.Root, "bundle"));
        (await File.ReadAllTextAsync(Path.Combine(bundle, "rootfs", "extended"))).ShouldBe("run\n");
        using var container = BuiltImage.Start(bundle);
        var ended = await Tool.EndAsync(container);
        ended.ExitCode.ShouldBe(0, ended.ToString());
        ended.Output.ShouldBe("hello from the app\n");
        Leftovers.Of(bench.Data, bench.Data).ShouldBeEmpty();
    }

    [Fact]
    public async Task Build_RegistryRefusesTheCredentials_EndsBeforeAnythingRuns()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"), withPassword: true);
        bench.Environment["DOCKER_CONFIG"] = registry.DockerConfig(Path.Combine(bench.Root, "docker"), "wrong");
        bench.Builder.Buildpack("test/app");

        var run = await bench.PublishAsync($"{registry.Host}/apps/hello:1");

        run.ShouldFail(32, $"{registry.Host}/apps/hello:1", "401");
        run.Of("phase-started").Select(e => e.GetProperty("phase").GetString()).ShouldBe(["Analyze"]);
        (await registry.TagsAsync("apps/hello")).ShouldBeEmpty();
        Leftovers.Of(bench.Data, bench.Data).ShouldBeEmpty();
    }

    [Fact]
    public async Task Build_ThatFails_PushesNoTag()
    {
        var bench = await machine.NewAsync();
        await using var registry = await LoopbackRegistry.StartAsync(Path.Combine(bench.Root, "registry"));
        bench.Builder.Buildpack("test/app", build: "echo not today; exit 4");

        var run = await bench.PublishAsync($"{registry.Host}/apps/hello:1");

        run.ShouldFail(51, "test/app", "4");
        run.Log.ShouldContain("not today");
        (await registry.TagsAsync("apps/hello")).ShouldBeEmpty();
        (await registry.RequestsAsync()).ShouldNotContain(r => r.Contains("\"PUT ", StringComparison.Ordinal));
    }

    private static string Escape(string digest) => digest["sha256:".Length..];
}
