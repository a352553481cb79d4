using Grid.Buildpacks.Analyze;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Tests.Executable;

/// <summary>Clauses of platform.md about whole phases that the recorded builds do not show.</summary>
public sealed class PhaseClauseTests
{
    private static readonly string[] User = ["-uid", "1001", "-gid", "1001"];

    [Theory]
    [InlineData("could not parse reference", "a b")]
    [InlineData("could not parse reference", "-tag", "a b", "one.test/a")]
    [InlineData("could not parse reference", "-previous-image", "a b", "one.test/a")]
    [InlineData("writing to multiple registries is unsupported", "-tag", "two.test/a", "one.test/a")]
    [InlineData("-layout needs -layout-dir", "-layout", "one.test/a")]
    [Spec("platform/analyze.image-valid", "platform/analyze.tag-valid", "platform/analyze.previous-valid", "platform/analyze.tag-registry", "platform/analyze.layout")]
    public async Task Analyzer_WrongCalls_End3(string message, params string[] arguments)
    {
        await using var bench = await ProgramBench.StartAsync("0.13", "CNB_EXPERIMENTAL_MODE=quiet");

        var (exitCode, output) = await bench.Machine.RunAsync("analyzer", ["-run-image", $"{bench.Host}/ref/run:1", .. arguments]);

        exitCode.ShouldBe(3, output);
        output.ShouldContain(message);
    }

    [Fact]
    [Spec("platform/analyze.skip-layers", "platform/restore.skip-layers", "platform/restore.store")]
    public async Task SkipLayers_RestoresNothingButStores()
    {
        await using var bench = await ProgramBench.StartAsync();
        var name = $"{bench.Host}/apps/a:1";
        await bench.BuildAsync(name);
        await bench.ExportAsync("-cache-dir", "/cache", name);

        foreach (var skips in (bool[])[false, true])
        {
            string[] flag = skips ? ["-skip-layers"] : [];
            bench.Machine.Reset();
            await bench.Machine.CallAsync("analyzer", [.. flag, "-run-image", $"{bench.Host}/ref/run:1", name]);
            (bench.Machine.Files.Stat("/layers/sbom/launch") is null).ShouldBe(skips);
            await bench.Machine.CallAsync("detector");
            await bench.Machine.CallAsync("restorer", [.. flag, "-cache-dir", "/cache", .. User]);
            bench.Machine.Files.Stat("/layers/t_full/store.toml").ShouldNotBeNull();
            (bench.Machine.Files.Stat("/layers/t_full/lau.toml") is null).ShouldBe(skips);
            (bench.Machine.Files.Stat("/layers/t_full/all/bin/y") is null).ShouldBe(skips);
        }
    }

    [Fact]
    [Spec("platform/create.equivalent", "platform/create.tags", "platform/create.skip-restore")]
    public async Task Creator_IsThePhasesInOne()
    {
        await using var bench = await ProgramBench.StartAsync();
        await bench.BuildAsync($"{bench.Host}/apps/phases:1");
        await bench.ExportAsync($"{bench.Host}/apps/phases:1");
        var expected = (await bench.Images.ReadAsync("apps/phases:1")).Manifest.Digest;

        await CreateAsync();
        foreach (var name in (string[])["apps/created:1", "apps/tag:2"])
            (await bench.Images.ReadAsync(name)).Manifest.Digest.ShouldBe(expected);

        (await CreateAsync()).ShouldNotContain("existing: store.toml \n");
        (await CreateAsync("-skip-restore")).ShouldContain("existing: store.toml \n");

        async Task<string> CreateAsync(params string[] flags)
        {
            bench.Machine.Reset();
            bench.Machine.Write("/layers/project-metadata.toml", bench.Images.Read("input/project-metadata.toml"));
            return await bench.Machine.CallAsync(
                "creator", [.. flags, .. User, "-cache-dir", "/cache", "-run-image", $"{bench.Host}/ref/run:1", "-tag", $"{bench.Host}/apps/tag:2", $"{bench.Host}/apps/created:1"]);
        }
    }

    [Fact]
    [Spec("platform/create.equivalent")]
    [Decision(30)]
    public async Task Creator_WithAnExtensionOfTheBuildImage_ExtendsItAndBuilds()
    {
        await using var bench = await ProgramBench.StartAsync();
        bench.Machine.Files.CreateDirectory("/kaniko", 0x1ED);
        bench.Machine.Write("/cnb/extensions/t_b/1/extension.toml", "api = '0.10'\n[extension]\nid = 't/b'\nversion = '1'\n");
        bench.Machine.Write("/cnb/extensions/t_b/1/generate/build.Dockerfile", "ARG base_image\nFROM ${base_image}\nUSER root\nRUN echo extended > /opt-extended\nUSER 1001:1001\n");
        bench.Machine.Write("/cnb/order.toml", bench.Images.Read("input/order.toml") + "\n[[order-extensions]]\n[[order-extensions.group]]\nid = 't/b'\nversion = '1'\n");

        await bench.Machine.CallAsync("creator", [.. User, "-build-image", $"{bench.Host}/ref/builder:1", "-run-image", $"{bench.Host}/ref/run:1", $"{bench.Host}/apps/a:1"]);

        bench.Machine.Read("/opt-extended").ShouldBe("extended\n");
        (await bench.ReadAsync("apps/a:1")).Config.Config.Entrypoint.ShouldBe(["/cnb/process/web"]);
    }

    [Fact]
    [Spec("platform/restore.run-image.extend", "platform/restore.build-image", "platform/restore.build-image.files", "platform/restore.run-image.digest", "platform/restore.run-image.target")]
    public async Task Restorer_PutsImagesToExtendWhereTheExtenderReadsThem()
    {
        await using var bench = await ProgramBench.StartAsync();
        bench.Machine.Files.CreateDirectory("/kaniko", 0x1ED);
        var name = $"{bench.Host}/apps/a:1";
        await bench.Machine.CallAsync("analyzer", "-run-image", $"{bench.Host}/ref/run:1", name);
        await bench.Machine.CallAsync("detector");
        // As the detector leaves it when an extension switched to another image and changes it.
        var switched = new AnalyzedFile { RunImage = new AnalyzedRunImage { Image = $"{bench.Host}/ref/run:2", Reference = $"{bench.Host}/ref/run:2", Extend = true } };
        bench.Machine.Write("/layers/analyzed.toml", switched.Write(), ReplayMachine.Owner);

        await bench.Machine.CallAsync("restorer", [.. User, "-build-image", $"{bench.Host}/ref/builder:1"]);

        var analyzed = AnalyzedFile.Parse(bench.Machine.Read("/layers/analyzed.toml"), "analyzed.toml");
        var (run, build) = (await bench.Images.ReadAsync("ref/run:2"), await bench.Images.ReadAsync("ref/builder:1"));
        analyzed.RunImage!.Reference.ShouldBe($"{bench.Host}/ref/run@{run.Manifest.Digest}");
        analyzed.RunImage.Target!.DistroName.ShouldBe("debian");
        analyzed.BuildImage.ShouldBe($"{bench.Host}/ref/builder@{build.Manifest.Digest}");
        foreach (var image in (Oci.Images.Image[])[run, build])
        {
            var layout = $"/kaniko/cache/base/{image.Manifest.Digest}";
            bench.Machine.Read(layout + "/index.json").ShouldContain(image.Manifest.Digest.ToString());
            bench.Machine.Files.List(layout + "/blobs/sha256").Select(blob => blob.Name).ShouldBe([image.Manifest.Digest.Hex, image.ConfigBlob!.Digest.Hex], ignoreOrder: true);
        }
    }
}
