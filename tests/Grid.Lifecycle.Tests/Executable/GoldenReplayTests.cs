using System.Text.Json;
using System.Text.Json.Nodes;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Toml;
using Grid.Lifecycle.Tests.Build;
using Grid.Oci.Images;
using Grid.Oci.Registry;
using Grid.Oci.Tests.Registry;
using Grid.Traceability;

namespace Grid.Lifecycle.Tests.Executable;

/// <summary>
/// The recorded builds, phase by phase through <c>grid lifecycle</c> with a real registry: files after each phase, images, labels, cache, report and exit codes are
/// the reference's. Where they are not, the test names the row of the decision list.
/// </summary>
public sealed class GoldenReplayTests
{
    private const string RecordedLauncher = "sha256:cf9aad9de836075584527cadce38d1502dc6be05a6718acd525965c404a428eb";
    private const string RecordedApp = "sha256:99d76d3eee3e7c8606963e2da8f8f343647e220a0375cf904d92a41f9c5bace8";
    private const string RecordedExtendedApp = "sha256:b15d01892b4ac78299512d0a9b1fc95ff785df276bc3ed1593f8bf2d8d9a9f73";
    private const string RecordedVersion =
        """{\"version\":\"0.21.14\",\"source\":{\"git\":{\"repository\":\"github.com/buildpacks/lifecycle\",\"commit\":\"57de6463\"}}}""";

    // Files whose size is not compared: our registry's name and our digests are in them, or white space and numbers are written otherwise (see Meaning).
    private static readonly string[] Measured = ["./analyzed.toml", "./plan.toml", "./report.toml", "./t_full/lau.toml"];

    [Fact]
    [Spec("platform/export.report", "platform/rebase.report", "platform/restore.cache", "platform/export.cache")]
    [Spec("platform/analyze.output", "platform/analyze.output.image", "platform/analyze.output.run-image")]
    [Spec("platform/analyzed.image", "platform/analyzed.metadata", "platform/analyzed.run-reference")]
    [Spec("platform/analyzed.run-image", "platform/rebase.known-image")]
    public async Task PlainBuilds_AndTheirRebases_AreTheRecordedOnes()
    {
        const string recording = "plain-0.13";
        const string app = "gold/" + recording;
        ChrootSandbox.SkipUnlessPossible();
        await using var registry = await RegistryProcess.StartAsync();
        using var store = new RegistryImageStore(new RegistryOptions(), new AnonymousCredentials());
        var recorded = new RecordedImages(registry.Host, new ImageStores([store]));
        await recorded.PushAsync();
        await using var machine = new ReplayMachine(recorded);

        await BuildAsync(machine, recorded, registry.Host, recording, "first");
        var image = await recorded.ReadAsync(app + ":1");
        KnowImage(recorded, image);
        await ShouldBeSameAsync(image, recorded.Read("plain-0.13/config.json"));
        image.Manifest.MediaType.ShouldBe(MediaTypes.DockerManifest);
        (await recorded.ReadAsync(app + ":extra")).Manifest.Digest.ShouldBe(image.Manifest.Digest);
        var cache = JsonNode.Parse(machine.Read("/cache/committed/io.buildpacks.lifecycle.cache.metadata"));
        JsonNode.DeepEquals(cache, JsonNode.Parse(recorded.Read("plain-0.13/cache.metadata.json"))).ShouldBeTrue();

        machine.Reset();
        var log = await BuildAsync(machine, recorded, registry.Host, recording, "second");
        log.ShouldContain("Reused 3/3 app layer(s)");
        // Row 24: a layer that is reused is not added as well.
        log.ShouldNotContain("Adding cache layer");
        (await recorded.ReadAsync(app + ":1")).Manifest.Digest.ShouldBe(image.Manifest.Digest);

        await RebaseAsync(machine, recorded, registry.Host, app);
    }

    [Fact]
    [Spec("platform/restore.build-image", "platform/export.base.extended", "platform/rebase.rebasable")]
    public async Task ExtendedBuild_AndItsRebases_AreTheRecordedOnes()
    {
        const string recording = "ext-0.13";
        const string app = "gold/" + recording;
        ChrootSandbox.SkipUnlessPossible();
        await using var registry = await RegistryProcess.StartAsync();
        using var store = new RegistryImageStore(new RegistryOptions(), new AnonymousCredentials());
        var recorded = new RecordedImages(registry.Host, new ImageStores([store]));
        await recorded.PushAsync();
        await using var machine = new ReplayMachine(recorded, "order-ext.toml");
        machine.Files.CreateDirectory("/kaniko", 0x1ED);

        await BuildAsync(machine, recorded, registry.Host, recording, "first", async () =>
        {
            // What the extender did to the build image, and the layers the recorded one put on the run image.
            machine.Write("/opt/ext/built", "built\n");
            machine.Write("/opt/ext/ctx", "ctx-build");
            await recorded.WriteExtendedAsync(machine.Root + "/layers/extended/run/sha256:13d40d66d63a1e181ebecdfd17b1f1a3393c09bccfb4cc7b64c476e7e2a9b2df");
        });
        var image = await recorded.ReadAsync(app + ":1");
        await ShouldBeSameAsync(image, recorded.Read("ext-0.13/config.json"));

        string[] flags = ["-report", "/layers/report.toml", "-uid", "1001", "-gid", "1001"];
        var refused = await machine.RunAsync("rebaser", ["-run-image", $"{registry.Host}/ref/run-mirror:1", .. flags, $"{registry.Host}/{app}:1"]);
        refused.ExitCode.ShouldBe(72, refused.Output);
        refused.Output.ShouldContain("app image is not marked as rebasable; please provide -force to override");
        await machine.CallAsync("rebaser", ["-force", "-run-image", $"{registry.Host}/ref/run:2", .. flags, $"{registry.Host}/{app}:extra"]);
        // The image that was rebased was the recording's second, for which its extender had run RUN and WORKDIR again.
        recorded.Replace("sha256:5e928c3a8df1fd308a60c7d0a095f30ed6f17433b86740c431cec13cca2d2ed9", "sha256:6a715a130114c1fcc89eff999a01f8a4caa56322448edf34d3dd84ec22f76966");
        recorded.Replace("sha256:cdc8e9d79a01835b950a9e5330334aac09a4f5e3670f4424ce22f1b853b3654e", "sha256:3962610fec96d281a41511ef5e8d4b0ae411df80f8983c23d3c68620a334cac7");
        await ShouldBeSameAsync(await recorded.ReadAsync(app + ":extra"), recorded.Read("ext-0.13/rebase-force.config.json"));
    }

    // The calls are those of the recording's COMMANDS.
    private static async Task<string> BuildAsync(
        ReplayMachine machine, RecordedImages recorded, string host, string recording, string build, Func<Task>? extend = null)
    {
        string[] names = [$"{host}/gold/{recording}:1", $"{host}/gold/{recording}:extra"];
        var phases = $"{recording}/phases/{build}";
        await machine.CallAsync("analyzer", "-run-image", $"{host}/ref/run:1", "-layers", "/layers", "-tag", names[1], names[0]);
        ShouldHaveFiles(machine, recorded, phases + ".1-analyzer");
        await machine.CallAsync("detector", "-app", "/workspace", "-platform", "/platform", "-layers", "/layers", "-generated", "/layers/generated");
        ShouldHaveFiles(machine, recorded, phases + ".2-detector");
        string[] buildImage = extend is null ? [] : ["-build-image", $"{host}/ref/builder:1"];
        await machine.CallAsync("restorer", ["-layers", "/layers", "-cache-dir", "/cache", "-generated", "/layers/generated", "-uid", "1001", "-gid", "1001", .. buildImage]);
        ShouldHaveFiles(machine, recorded, phases + ".3-restorer");
        await (extend?.Invoke() ?? Task.CompletedTask);
        await machine.CallAsync("builder", "-app", "/workspace", "-platform", "/platform", "-layers", "/layers");
        ShouldHaveFiles(machine, recorded, phases + ".4-builder");
        machine.Write("/layers/project-metadata.toml", recorded.Read("input/project-metadata.toml"));
        string[] extended = extend is null ? [] : ["-extended", "/layers/extended"];
        var log = await machine.CallAsync(
            "exporter", ["-app", "/workspace", "-layers", "/layers", "-cache-dir", "/cache", "-uid", "1001", "-gid", "1001", "-process-type", "web", .. extended, .. names]);
        KnowImage(recorded, await recorded.ReadAsync($"gold/{recording}:1"));
        ShouldHaveFiles(machine, recorded, phases + ".5-exporter");
        return log;
    }

    private static async Task RebaseAsync(ReplayMachine machine, RecordedImages recorded, string host, string app)
    {
        string[] flags = ["-report", "/layers/report.toml", "-uid", "1001", "-gid", "1001"];
        var before = await recorded.ReadAsync(app + ":1");
        var unknown = await machine.RunAsync("rebaser", ["-run-image", $"{host}/ref/run:2", .. flags, $"{host}/{app}:1"]);
        unknown.ExitCode.ShouldBe(72, unknown.Output);
        unknown.Output.ShouldContain($"new base image '{host}/ref/run:2' not found in existing run image metadata: {{\"topLayer\":\"{before.Layers[1].DiffId}\"");
        (await recorded.ReadAsync(app + ":1")).Manifest.Digest.ShouldBe(before.Manifest.Digest);

        await machine.CallAsync("rebaser", ["-run-image", $"{host}/ref/run-mirror:1", .. flags, $"{host}/{app}:1"]);
        var rebased = await recorded.ReadAsync(app + ":1");
        await ShouldBeSameAsync(rebased, recorded.Read("plain-0.13/rebase-mirror.config.json"));
        machine.Read("/layers/report.toml").ShouldBe(
            $"[image]\n  tags = [\"{host}/{app}:1\"]\n  digest = \"{rebased.Manifest.Digest}\"\n  manifest-size = {rebased.Manifest.Size}\n");

        var forced = await machine.CallAsync("rebaser", ["-force", "-run-image", $"{host}/ref/run:2", .. flags, $"{host}/{app}:extra"]);
        forced.ShouldContain("Warning: rebase app image: new base image");
        await ShouldBeSameAsync(await recorded.ReadAsync(app + ":extra"), recorded.Read("plain-0.13/rebase-force.config.json"));
    }

    // The reference's launcher is not ours, and so are not the digests it is part of.
    private static void KnowImage(RecordedImages recorded, Image image)
    {
        var labels = image.Config.Config.Labels!;
        recorded.Replace(RecordedApp, image.Manifest.Digest.ToString());
        recorded.Replace(RecordedExtendedApp, image.Manifest.Digest.ToString());
        recorded.Replace(RecordedLauncher, LifecycleMetadata.Read(labels[LifecycleMetadata.Label], out _)!.Launcher.Sha);
        recorded.Replace(RecordedVersion, JsonNode.Parse(labels[BuildLabel.Label])!["launcher"]!.ToJsonString().Replace("\"", "\\\"", StringComparison.Ordinal));
        recorded.Replace("manifest-size = 2193", "manifest-size = " + image.Manifest.Size);
        recorded.Replace("manifest-size = 3945", "manifest-size = " + image.Manifest.Size);
    }

    private static void ShouldHaveFiles(ReplayMachine machine, RecordedImages recorded, string phase)
    {
        var directory = phase + "/";
        var files = Lines(recorded.Read(directory + "layers.list")).Where(IsCompared).Select(WithoutDirectorySize).Select(Measurable).Order(StringComparer.Ordinal);
        string.Join('\n', machine.Layers().Where(IsCompared).Select(Measurable).Order(StringComparer.Ordinal)).ShouldBe(string.Join('\n', files), phase);
        string.Join('\n', machine.Cache()).ShouldBe(string.Join('\n', Lines(recorded.Read(directory + "cache.list")).Order(StringComparer.Ordinal)), phase);
        foreach (var file in (string[])["analyzed.toml", "group.toml", "plan.toml", "report.toml"])
        {
            if (RecordedImages.Has(directory + file))
                Meaning(machine.Read("/layers/" + file)).ShouldBe(Meaning(recorded.Read(directory + file)), $"{phase}: {file}");
        }
    }

    // White space and the order of keys are the writer's own; JSON has no whole floats, which the reference writes as 3.0 where it was given 3.
    private static string Meaning(string toml) => TomlJson.ToJson(TomlFile.Parse(toml, "toml")).GetRawText();

    private static string[] Lines(string text) => text.Split('\n', StringSplitOptions.RemoveEmptyEntries);

    // The extended image is the recorded one, written by the test.
    private static bool IsCompared(string line) => !line.Contains(" ./extended", StringComparison.Ordinal);

    private static string WithoutDirectorySize(string line) => line.StartsWith('d') ? line.Replace(" 4096 ", " ", StringComparison.Ordinal) : line;

    private static string Measurable(string line)
    {
        var parts = line.Split(' ');
        return parts[0] == "f" && Measured.Contains(parts[4]) ? string.Join(' ', [.. parts[..3], .. parts[4..]]) : line;
    }

    private static async Task ShouldBeSameAsync(Image image, string expected)
    {
        var options = new JsonSerializerOptions { WriteIndented = true };
        var bytes = await ImageDocuments.ReadBytesAsync(image.Blobs, image.ConfigBlob!, ImageDocuments.MaxConfigBytes, TestContext.Current.CancellationToken);
        var actual = Sorted(JsonNode.Parse(bytes.Span)!).ToJsonString(options).Split('\n');
        var lines = Sorted(JsonNode.Parse(expected)!).ToJsonString(options).Split('\n');
        actual.Except(lines).ShouldBeEmpty();
        actual.ShouldBe(lines);
    }

    private static JsonNode Sorted(JsonNode node) => node switch
    {
        JsonObject o => new JsonObject(o.OrderBy(item => item.Key, StringComparer.Ordinal).Select(item => KeyValuePair.Create(item.Key, item.Value is null ? null : (JsonNode?)Sorted(item.Value)))),
        JsonArray a => new JsonArray([.. a.Select(item => item is null ? null : Sorted(item))]),
        _ => node.DeepClone(),
    };
}
