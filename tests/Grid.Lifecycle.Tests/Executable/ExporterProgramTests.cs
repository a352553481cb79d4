using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Layouts;
using Grid.Oci.Tests.Images;
using Grid.Traceability;

namespace Grid.Lifecycle.Tests.Executable;

/// <summary><c>grid lifecycle exporter</c> beyond the recorded builds: Platform APIs, caches in images, layouts, images of other tools, wrong calls.</summary>
public sealed class ExporterProgramTests
{
    [Theory]
    [InlineData("0.7")]
    [InlineData("0.8")]
    [InlineData("0.9")]
    [InlineData("0.11")]
    [InlineData("0.12")]
    [InlineData("0.15")]
    public async Task PlatformApis_DifferInHistoryLabelsAndReport(string api)
    {
        var version = new Version(api);
        await using var bench = await ProgramBench.StartAsync(api, "SOURCE_DATE_EPOCH=1700000000");
        await bench.BuildAsync($"{bench.Host}/apps/a:1");
        await bench.ExportAsync("-cache-dir", "/cache", $"{bench.Host}/apps/a:1");

        var (config, lifecycle, build) = await bench.ReadAsync("apps/a:1");
        var created = version >= new Version("0.9") ? DateTimeOffset.FromUnixTimeSeconds(1_700_000_000) : LayerTimes.Normalized;
        config.Created.ShouldBe(created);
        config.History!.Count.ShouldBe(config.RootFs.DiffIds.Count);
        config.History.ShouldAllBe(entry => entry.Created == created && !entry.EmptyLayer && (version >= new Version("0.12") || entry.CreatedBy == null));
        (config.History[^1].CreatedBy == "Buildpacks Process Types").ShouldBe(version >= new Version("0.12"));
        config.Config.Env!.ShouldContain("CNB_PLATFORM_API=" + api);
        config.Config.Entrypoint.ShouldBe(["/cnb/process/web"]);
        lifecycle.RunImage.Image.ShouldBe(version >= new Version("0.12") ? $"{bench.Host}/ref/run:1" : null);
        lifecycle.RunImage.TopLayer.ShouldBe(config.RootFs.DiffIds[1].ToString());
        lifecycle.Stack!.RunImage.All.ShouldBe([$"{bench.Host}/ref/run:1", $"{bench.Host}/ref/run-mirror:1"]);
        (lifecycle.Sbom is null).ShouldBe(version < new Version("0.8"));
        build.TryGetProperty("bom", out _).ShouldBe(version < new Version("0.9"));
        (build.GetProperty("processes")[0].GetProperty("command").ValueKind == System.Text.Json.JsonValueKind.String).ShouldBe(version < new Version("0.10"));
        config.Config.Labels!.ContainsKey("io.buildpacks.exec-env").ShouldBe(version >= new Version("0.15"));
        bench.Machine.Read("/layers/report.toml").ShouldStartWith($"[image]\n  tags = [\"{bench.Host}/apps/a:1\"]\n  digest = ");
        bench.Machine.Read("/cache/committed/io.buildpacks.lifecycle.cache.metadata").Contains("\"sbom\":{\"sha\":\"\"}", StringComparison.Ordinal).ShouldBe(version < new Version("0.8"));
    }

    [Fact]
    [Spec("platform/export.report", "platform/report.tags")]
    public async Task CacheImage_IsWrittenAndRestoredFrom_AndTheReportNamesAllTags()
    {
        await using var bench = await ProgramBench.StartAsync();
        string[] names = [$"{bench.Host}/apps/a:1", $"{bench.Host}/apps/b:2"];
        string[] cache = ["-cache-image", $"{bench.Host}/cache/a:1"];
        await bench.BuildAsync(names[0]);
        await bench.ExportAsync([.. cache, "-parallel", .. names]);
        var first = await bench.Images.ReadAsync("apps/b:2");
        var image = await bench.Images.ReadAsync("cache/a:1");
        image.Layers.Count.ShouldBe(3);
        image.Config.Config.Labels!.Keys.ShouldBe(["io.buildpacks.lifecycle.cache.metadata"]);
        bench.Machine.Read("/layers/report.toml").ShouldBe(
            $"[image]\n  tags = [\"{names[0]}\", \"{names[1]}\"]\n  digest = \"{first.Manifest.Digest}\"\n  manifest-size = {first.Manifest.Size}\n");

        var restored = await bench.BuildAsync(names[0], restorer: cache);
        restored.ShouldContain("Restoring data for \"t/full:all\" from cache");
        restored.ShouldContain("Restoring data for \"t/full:cacheonly\" from cache");
        var log = await bench.ExportAsync([.. cache, names[0]]);
        log.ShouldContain("Reusing cache layer 't/full:cacheonly'");
        log.ShouldNotContain("Adding cache layer");
        (await bench.Images.ReadAsync("apps/a:1")).Manifest.Digest.ShouldBe(first.Manifest.Digest);
    }

    [Fact]
    public async Task PreviousImageElsewhere_GivesItsLayersAndIsNotChanged()
    {
        await using var bench = await ProgramBench.StartAsync();
        await bench.BuildAsync($"{bench.Host}/old/app:1");
        await bench.ExportAsync($"{bench.Host}/old/app:1");
        var old = await bench.Images.ReadAsync("old/app:1");

        await bench.BuildAsync($"{bench.Host}/new/app:1", ["-previous-image", $"{bench.Host}/old/app:1"]);
        var log = await bench.ExportAsync($"{bench.Host}/new/app:1");
        log.ShouldContain($"Reusing layers from image '{bench.Host}/old/app@{old.Manifest.Digest}'");
        log.ShouldContain("Reused 3/3 app layer(s)");
        (await bench.Images.ReadAsync("new/app:1")).Manifest.Digest.ShouldBe(old.Manifest.Digest);
    }

    [Fact]
    [Spec("platform/export.layout")]
    public async Task Layout_IsWrittenAtTheNamesPlace_AndOtherToolsReadIt()
    {
        ExternalTool.Require("skopeo", "umoci");
        await using var bench = await ProgramBench.StartAsync("0.13", "CNB_EXPERIMENTAL_MODE=quiet");
        string[] layout = ["-layout", "-layout-dir", "/layout"];
        var run = await bench.Images.ReadAsync("ref/run:1");
        await new LayoutImageStore().PushAsync(
            await ImageContent.CopyAsync(run, null, CancellationToken.None), new ImageLocation.Layout($"{bench.Machine.Root}/layout/{bench.Host}/ref/run/1", "1"), null, CancellationToken.None);

        await bench.BuildAsync("registry.test/apps/a:1", layout);
        await bench.ExportAsync([.. layout, "registry.test/apps/a:1"]);

        var directory = bench.Machine.Root + "/layout/registry.test/apps/a/1";
        bench.Machine.Read("/layers/report.toml").ShouldStartWith("[image]\n  tags = [\"/layout/registry.test/apps/a/1\"]");
        var seen = await ExternalTool.RunAsync("skopeo", "inspect", "--config", $"oci:{directory}:1");
        seen.ShouldContain("/cnb/process/web");
        var bundle = bench.Machine.Root + "/bundle";
        await ExternalTool.RunAsync("umoci", "unpack", "--image", $"{directory}:1", bundle);
        File.ReadAllText(bundle + "/rootfs/workspace/index.html").ShouldBe(bench.Machine.Read("/workspace/index.html"));
        new FileInfo(bundle + "/rootfs/cnb/process/web").LinkTarget.ShouldBe("/cnb/lifecycle/launcher");

        // The second build finds the first.
        await bench.BuildAsync("registry.test/apps/a:1", layout);
        (await bench.ExportAsync([.. layout, "registry.test/apps/a:1"])).ShouldContain("Reused 3/3 app layer(s)");
    }

    [Fact]
    public async Task Daemon_TakesTheImage_AndTheReportHasItsId()
    {
        ExternalTool.Require("skopeo", "docker");
        if (GridProgram.EngineSocket.Length == 0)
            Assert.Skip("no Docker engine: DOCKER_HOST names none (tests/with-docker-engine.sh starts one)");
        await using var bench = await ProgramBench.StartAsync("0.13", "DOCKER_HOST=unix://" + GridProgram.EngineSocket);
        await ExternalTool.RunAsync(
            "skopeo", "copy", "--src-tls-verify=false", "--dest-daemon-host", "unix://" + GridProgram.EngineSocket, $"docker://{bench.Host}/ref/run:1", $"docker-daemon:{bench.Host}/ref/run:1");
        await bench.BuildAsync("apps/daemon:1", ["-daemon"], ["-daemon"]);
        await bench.ExportAsync("-daemon", "-cache-dir", "/cache", "apps/daemon:1", "apps/daemon:2");

        var id = (await ExternalTool.RunAsync("docker", "image", "inspect", "--format", "{{.Id}}", "apps/daemon:2")).Trim();
        bench.Machine.Read("/layers/report.toml").ShouldBe($"[image]\n  tags = [\"apps/daemon:1\", \"apps/daemon:2\"]\n  image-id = \"{id}\"\n");
        (await ExternalTool.RunAsync("docker", "image", "inspect", "--format", "{{.Config.Entrypoint}}", "apps/daemon:1")).Trim().ShouldBe("[/cnb/process/web]");
        var container = (await ExternalTool.RunAsync("docker", "create", "apps/daemon:1")).Trim();
        await ExternalTool.RunAsync("docker", "rm", container);

        await bench.BuildAsync("apps/daemon:1", ["-daemon"], ["-daemon", "-cache-dir", "/cache"]);
        (await bench.ExportAsync("-daemon", "-cache-dir", "/cache", "apps/daemon:1")).ShouldContain("Reused 3/3 app layer(s)");
        (await ExternalTool.RunAsync("docker", "image", "inspect", "--format", "{{.Id}}", "apps/daemon:1")).Trim().ShouldBe(id);

        await ExternalTool.RunAsync(
            "skopeo", "copy", "--src-tls-verify=false", "--dest-daemon-host", "unix://" + GridProgram.EngineSocket, $"docker://{bench.Host}/ref/run-mirror:1", $"docker-daemon:{bench.Host}/ref/run-mirror:1");
        await bench.Machine.CallAsync("rebaser", "-daemon", "-run-image", $"{bench.Host}/ref/run-mirror:1", "-report", "/layers/report.toml", "apps/daemon:1");
        var rebased = (await ExternalTool.RunAsync("docker", "image", "inspect", "--format", "{{.Id}} {{len .RootFS.Layers}}", "apps/daemon:1")).Trim().Split(' ');
        rebased[0].ShouldNotBe(id);
        rebased[1].ShouldBe((await ExternalTool.RunAsync("docker", "image", "inspect", "--format", "{{len .RootFS.Layers}} 1", "apps/daemon:2")).Split(' ') is [var before, ..] ? $"{int.Parse(before) + 1}" : "");
        bench.Machine.Read("/layers/report.toml").ShouldBe($"[image]\n  tags = [\"apps/daemon:1\"]\n  image-id = \"{rebased[0]}\"\n");
        (await ExternalTool.RunAsync("docker", "image", "inspect", "--format", "{{index .Config.Labels \"io.buildpacks.lifecycle.metadata\"}}", "apps/daemon:1"))
            .ShouldContain("\"reference\":\"sha256:");
    }

    [Fact]
    [Spec("platform/export.image-valid", "platform/export.same-registry")]
    public async Task WrongCalls_HaveTheReferencesExitCodes()
    {
        await using var bench = await ProgramBench.StartAsync();
        var name = $"{bench.Host}/apps/a:1";
        await ShouldFailAsync(3, "run image not found in analyzed metadata", name);
        await bench.BuildAsync(name);
        await ShouldFailAsync(3, "at least one image argument is required");
        await ShouldFailAsync(3, "could not parse reference", "a b");
        await ShouldFailAsync(3, "writing to multiple registries is unsupported", name, "other.test/apps/a:1");
        await ShouldFailAsync(3, "-run-image is unsupported", "-run-image", "x", name);
        await ShouldFailAsync(2, "flag provided but not defined: -nope", "-nope", name);
        await ShouldFailAsync(62, "tried to set nope to default but it doesn't exist", "-process-type", "nope", name);
        await ShouldFailAsync(1, "experimental features are disabled", "-layout", "-layout-dir", "/layout", name);
        bench.Machine.Write("/layers/t_full/lau.toml", "[types\n");
        await ShouldFailAsync(62, "lau.toml", name);

        async Task ShouldFailAsync(int exitCode, string message, params string[] arguments)
        {
            var (actual, output) = await bench.Machine.RunAsync("exporter", ["-uid", "1001", "-gid", "1001", .. arguments]);
            actual.ShouldBe(exitCode, output);
            output.ShouldContain(message);
        }
    }

    [Fact]
    [Spec("platform/rebase.image-valid", "platform/rebase.same-registry", "platform/rebase.report")]
    public async Task Rebaser_WrongCallsAndTheRunImageOfTheLabel()
    {
        await using var bench = await ProgramBench.StartAsync();
        var name = $"{bench.Host}/apps/a:1";
        await ShouldFailAsync(3, "at least one image argument is required");
        await ShouldFailAsync(3, "could not parse reference", "a b");
        await ShouldFailAsync(3, "writing to multiple registries is unsupported", name, "other.test/apps/a:1");
        await ShouldFailAsync(3, "supply only one of", "-run-image", "a", "-image", "b", name);
        await ShouldFailAsync(72, "not found", name);
        await bench.BuildAsync(name);
        await bench.ExportAsync(name);
        await ShouldFailAsync(1, "access run image", "-run-image", $"{bench.Host}/ref/none:1", name);
        var before = await bench.Images.ReadAsync("apps/a:1");
        // No -run-image: the name in the label, which now is another image.
        await bench.Images.CopyAsync("ref/run:2", "ref/run:1");
        await bench.Machine.CallAsync("rebaser", "-previous-image", name, "-report", "/tmp/deep/report.toml", $"{bench.Host}/apps/rebased:1");
        var rebased = await bench.Images.ReadAsync("apps/rebased:1");
        rebased.Layers.Count.ShouldBe(before.Layers.Count + 1);
        bench.Machine.Read("/tmp/deep/report.toml").ShouldContain(rebased.Manifest.Digest.ToString());
        (await bench.Images.ReadAsync("apps/a:1")).Manifest.Digest.ShouldBe(before.Manifest.Digest);

        async Task ShouldFailAsync(int exitCode, string message, params string[] arguments)
        {
            var (actual, output) = await bench.Machine.RunAsync("rebaser", arguments);
            actual.ShouldBe(exitCode, output);
            output.ShouldContain(message);
        }
    }
}
