using System.Text.Json;
using System.Text.Json.Nodes;
using Grid.Buildpacks.Analyze;
using Grid.Buildpacks.Detect;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Cache;
using Grid.Lifecycle.Restore;
using Grid.Lifecycle.Tests.Build;
using Grid.Lifecycle.Tests.Export;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Registry;
using Grid.Oci.Tests.Registry;

namespace Grid.Lifecycle.Tests.Executable;

/// <summary>
/// The recorded builds through <c>grid lifecycle exporter</c> and <c>rebaser</c> with a real registry: images, labels, cache, report and exit codes are the
/// reference's.
/// </summary>
public sealed class GoldenExporterTests
{
    private const string RecordedLauncher = "sha256:cf9aad9de836075584527cadce38d1502dc6be05a6718acd525965c404a428eb";
    private const string RecordedVersion =
        """{\"version\":\"0.21.14\",\"source\":{\"git\":{\"repository\":\"github.com/buildpacks/lifecycle\",\"commit\":\"57de6463\"}}}""";
    private const string App = "gold/plain-0.13";
    private static readonly string[] Environment = ["CNB_PLATFORM_API=0.13", "PATH=/usr/bin:/bin"];

    [Fact]
    public async Task PlainBuilds_AndTheirRebases_AreTheRecordedOnes()
    {
        ChrootSandbox.SkipUnlessPossible();
        await using var registry = await RegistryProcess.StartAsync();
        using var store = new RegistryImageStore(new RegistryOptions(), new AnonymousCredentials());
        var recorded = new RecordedImages(registry.Host, new ImageStores([store]));
        await recorded.PushAsync();

        await using var first = new GoldenBuild("plain-0.13");
        await PrepareAsync(first, registry.Host, recorded, previous: null);
        var log = await ExportAsync(first, registry.Host);
        log.ShouldContain("Added 3/3 app layer(s)");
        log.ShouldContain("Adding cache layer 't/full:cacheonly'");
        var image = await recorded.ReadAsync(App + ":1");
        var label = LifecycleMetadata.Read(image.Config.Config.Labels![LifecycleMetadata.Label], out _)!;
        recorded.Replace(RecordedLauncher, label.Launcher.Sha);
        recorded.Replace(RecordedVersion, Escaped(JsonNode.Parse(image.Config.Config.Labels![BuildLabel.Label])!["launcher"]!.ToJsonString()));
        image.Manifest.MediaType.ShouldBe(MediaTypes.DockerManifest);
        await ShouldBeSameAsync(image, recorded.Read("plain-0.13/config.json"));
        (await recorded.ReadAsync(App + ":extra")).Manifest.Digest.ShouldBe(image.Manifest.Digest);
        JsonNode.DeepEquals(JsonNode.Parse(CacheFile(first)), JsonNode.Parse(recorded.Read("plain-0.13/cache.metadata.json"))).ShouldBeTrue();
        Directory.GetFileSystemEntries(first.Sandbox.Root + "/cache").Select(Path.GetFileName).ShouldBe(["committed"]);
        (await File.ReadAllTextAsync(first.Sandbox.Root + "/layers/report.toml")).ShouldBe(Report(registry.Host, image, "1", "extra"));
        first.Sandbox.Files.Stat("/layers/report.toml")!.Owner.ShouldBe(new Owner(1001, 1001));

        await using var second = new GoldenBuild("plain-0.13");
        Directory.Move(first.Sandbox.Root + "/cache", second.Sandbox.Root + "/cache");
        await PrepareAsync(second, registry.Host, recorded, image);
        var again = await ExportAsync(second, registry.Host);
        again.ShouldContain($"Reusing layers from image '{registry.Host}/{App}@{image.Manifest.Digest}'");
        again.ShouldContain("Reused 3/3 app layer(s)");
        // §14 row 24: a layer that is reused is not added as well.
        again.ShouldContain("Reusing cache layer 't/full:cacheonly'");
        again.ShouldNotContain("Adding cache layer");
        (await recorded.ReadAsync(App + ":1")).Manifest.Digest.ShouldBe(image.Manifest.Digest);

        await RebaseAsync(second, registry.Host, recorded);
    }

    private static async Task RebaseAsync(GoldenBuild build, string host, RecordedImages recorded)
    {
        var before = await recorded.ReadAsync(App + ":1");
        var unknown = await RunAsync(build, "rebaser", "-run-image", $"{host}/ref/run:2", "-report", "/layers/report.toml", "-uid", "1001", "-gid", "1001", $"{host}/{App}:1");
        unknown.ExitCode.ShouldBe(72, unknown.Output);
        unknown.Output.ShouldContain($"new base image '{host}/ref/run:2' not found in existing run image metadata: {{\"topLayer\":\"{before.Layers[1].DiffId}\"");
        (await recorded.ReadAsync(App + ":1")).Manifest.Digest.ShouldBe(before.Manifest.Digest);

        var mirror = await RunAsync(build, "rebaser", "-run-image", $"{host}/ref/run-mirror:1", "-report", "/layers/report.toml", "-uid", "1001", "-gid", "1001", $"{host}/{App}:1");
        mirror.ExitCode.ShouldBe(0, mirror.Output);
        var rebased = await recorded.ReadAsync(App + ":1");
        await ShouldBeSameAsync(rebased, recorded.Read("plain-0.13/rebase-mirror.config.json"));
        (await File.ReadAllTextAsync(build.Sandbox.Root + "/layers/report.toml")).ShouldBe(Report(host, rebased, "1"));

        var force = await RunAsync(build, "rebaser", "-force", "-run-image", $"{host}/ref/run:2", "-report", "/layers/report.toml", "-uid", "1001", "-gid", "1001", $"{host}/{App}:extra");
        force.ExitCode.ShouldBe(0, force.Output);
        force.Output.ShouldContain("Warning: rebase app image: new base image");
        await ShouldBeSameAsync(await recorded.ReadAsync(App + ":extra"), recorded.Read("plain-0.13/rebase-force.config.json"));
    }

    // What analyzer, detector, restorer and builder leave.
    private static async Task PrepareAsync(GoldenBuild build, string host, RecordedImages recorded, Image? previous)
    {
        var files = build.Sandbox.Files;
        var run = await recorded.ReadAsync("ref/run:1");
        var metadata = previous is null ? null : LifecycleMetadata.Read(previous.Config.Config.Labels![LifecycleMetadata.Label], out _);
        if (previous is not null)
        {
            var cache = await new DirectoryCache(build.Sandbox.Root + "/cache").ReadAsync(build.Log, TestContext.Current.CancellationToken);
            await Restorer.RestoreAsync(
                files,
                cache.Blobs,
                new RestoreInput { Environment = GoldenBuild.Environment, Group = GoldenBuild.Plain, Previous = metadata, Cache = cache.Metadata },
                build.Log,
                TestContext.Current.CancellationToken);
        }
        await build.BuildAsync(GoldenBuild.Plain);
        var analyzed = new AnalyzedFile
        {
            PreviousImage = previous is null ? null : $"{host}/{App}@{previous.Manifest.Digest}",
            Metadata = metadata ?? new LifecycleMetadata(),
            RunImage = new AnalyzedRunImage { Image = $"{host}/ref/run:1", Reference = $"{host}/ref/run@{run.Manifest.Digest}", Target = GoldenBuild.Environment.Target },
        };
        Write("/layers/analyzed.toml", analyzed.Write());
        Write("/layers/group.toml", GroupFiles.Write(GoldenBuild.Plain));
        Write("/layers/project-metadata.toml", recorded.Read("input/project-metadata.toml"));
        Write("/cnb/run.toml", recorded.Read("input/run.toml"));
        Write("/cnb/lifecycle/launcher", "not really a launcher\n");
        files.CreateDirectory("/cache", 0x1ED);

        void Write(string path, string text)
        {
            files.CreateDirectory(Path.GetDirectoryName(path)!, 0x1ED);
            files.WriteFile(path, System.Text.Encoding.UTF8.GetBytes(text), 0x1A4);
        }
    }

    private static async Task<string> ExportAsync(GoldenBuild build, string host)
    {
        var run = await RunAsync(
            build, "exporter", "-app", "/workspace", "-layers", "/layers", "-cache-dir", "/cache", "-uid", "1001", "-gid", "1001", "-process-type", "web", $"{host}/{App}:1", $"{host}/{App}:extra");
        run.ExitCode.ShouldBe(0, run.Output);
        return run.Output;
    }

    private static Task<(int ExitCode, string Output)> RunAsync(GoldenBuild build, params string[] arguments) =>
        GridProgram.RunAsync(build.Sandbox.Root, "0:0", Environment, arguments);

    private static string CacheFile(GoldenBuild build) => File.ReadAllText(build.Sandbox.Root + "/cache/committed/io.buildpacks.lifecycle.cache.metadata");

    // As a label's text stands in the JSON of a configuration.
    private static string Escaped(string json) => json.Replace("\"", "\\\"", StringComparison.Ordinal);

    private static string Report(string host, Image image, params string[] tags) =>
        $"[image]\n  tags = [{string.Join(", ", tags.Select(tag => $"\"{host}/{App}:{tag}\""))}]\n  digest = \"{image.Manifest.Digest}\"\n  manifest-size = {image.Manifest.Size}\n";

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
