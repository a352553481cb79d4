using System.Text.Json;
using System.Text.Json.Nodes;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Tests.Build;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Tests.Export;

/// <summary>The same app through our build, pack, assemble and restore as through the reference's, compared with what the reference recorded.</summary>
public sealed class GoldenExportTests
{
    private const string RecordedLauncher = "sha256:cf9aad9de836075584527cadce38d1502dc6be05a6718acd525965c404a428eb";

    [Fact]
    [Spec("platform/build.order", "platform/build.buildpacks", "platform/build.aggregate", "platform/build.default-process")]
    [Spec("platform/export.base.run-image", "platform/export.base.layers", "platform/export.base.config")]
    [Spec("platform/export.launch-layers", "platform/export.sbom", "platform/export.app-layers", "platform/export.launcher")]
    [Spec("platform/export.metadata", "platform/export.env", "platform/export.workdir", "platform/export.labels")]
    [Spec("platform/export.label.project")]
    [Spec("platform/export.mtime", "platform/export.created", "platform/export.entrypoint.given", "platform/launch.entrypoint")]
    [Spec("platform/label.app", "platform/label.app.sha", "platform/label.sbom", "platform/label.config")]
    [Spec("platform/label.launcher", "platform/label.buildpacks", "platform/label.buildpack.key")]
    [Spec("platform/label.buildpack.version", "platform/label.buildpack.layers", "platform/label.layer.key")]
    [Spec("platform/label.layer.value", "platform/label.layer.sha", "platform/label.run-image.top")]
    [Spec("platform/label.run-image.reference", "platform/label.project", "platform/metadata.fields")]
    [Spec("buildpack/build.execute", "buildpack/build.paths", "buildpack/build.environment", "buildpack/ignored.rename")]
    [Spec("buildpack/types.build", "buildpack/build-layer.access", "buildpack/env.build-files", "buildpack/launch.include")]
    [Spec("buildpack/launch.metadata", "buildpack/slices.layers", "buildpack/slice.empty", "buildpack/slice.rest")]
    [Spec("buildpack/label.added", "buildpack/label.last", "buildpack/export.directory", "buildpack/export.toml")]
    [Spec("buildpack/export.store", "buildpack/export.app", "buildpack/export.image", "buildpack/sbom.launch")]
    [Spec("buildpack/env.layers.build", "buildpack/env.layers.separator")]
    [Spec("platform/export.process-links", "platform/export.sbom.buildpack", "platform/export.sbom.layer")]
    [Spec("platform/export.sbom-build", "platform/export.sbom-build.buildpack", "buildpack/export.cache-checksum")]
    [Spec("platform/export.entrypoint.given")]
    public async Task PlainBuild_GivesTheRecordedFilesLayersLabelsAndConfiguration()
    {
        ChrootSandbox.SkipUnlessPossible();
        await using var golden = new GoldenBuild("plain-0.13");
        var build = await golden.BuildAsync(GoldenBuild.Plain);
        golden.Log.Output.ShouldBe(Read(golden, "build.log"));
        File.ReadAllText(golden.Sandbox.Root + "/layers/config/metadata.toml").ShouldBe(Read(golden, "metadata.toml"));
        Listing(golden).ShouldBe(Recorded(golden, "layers-after-build.list"));

        var app = await golden.PackAsync(GoldenBuild.Plain, build);
        var image = golden.Assemble(app);

        ShouldBeSameJson(image.Config, golden.ExpectedConfig(app, RecordedLauncher));
        CacheShas(app).ShouldBe(RecordedCacheShas(golden));
        golden.Log.Lines().ShouldContain("Added 3/3 app layer(s)");
    }

    [Fact]
    [Spec("platform/restore.store", "platform/restore.layers", "platform/reproducible.image", "platform/reproducible.digest")]
    [Spec("platform/reproducible.labels", "buildpack/launch.restore-toml", "buildpack/launch.restore-sbom")]
    [Spec("buildpack/launch.restore-not", "buildpack/types.cache", "buildpack/cache.store", "buildpack/cache.metadata")]
    [Spec("buildpack/cache.sbom", "buildpack/analyze.restore", "buildpack/analyze.store", "buildpack/reuse.no-types")]
    [Spec("buildpack/launch.replace")]
    public async Task SecondBuild_RestoresWhatTheReferenceRestores_AndGivesTheSameImage()
    {
        ChrootSandbox.SkipUnlessPossible();
        await using var first = new GoldenBuild("plain-0.13");
        var packed = await first.PackAsync(GoldenBuild.Plain, await first.BuildAsync(GoldenBuild.Plain));
        var image = first.Assemble(packed);
        var previous = Pinned(image);

        await using var second = new GoldenBuild("plain-0.13", first.Store);
        await second.RestoreAsync(previous, packed.Cache);
        Listing(second).ShouldBe(Recorded(second, "layers-after-restore.list"));
        second.Log.Lines().Where(line => line.Contains("metadata for")).ShouldBe(
            File.ReadAllLines(second.Recording + "/restore.log").Where(line => line.Contains("metadata for")));
        // The reference gives 3.0 back for the buildpack's 3 (it goes through JSON); we give 3.
        File.ReadAllText(second.Sandbox.Root + "/layers/t_full/lau.toml").ShouldBe(
            "[metadata]\n  list = [\"x\", \"y\"]\n  n = 3\n  version = \"1.0\"\n  [metadata.nested]\n    k = \"v\"\n");
        File.ReadAllText(second.Sandbox.Root + "/layers/t_full/all.toml").ShouldBe("[metadata]\n  all = true\n");
        File.ReadAllText(second.Sandbox.Root + "/layers/t_full/store.toml").ShouldBe("[metadata]\n  stored = \"value\"\n");

        var build = await second.BuildAsync(GoldenBuild.Plain);
        second.Log.Output.ShouldBe(Read(second, "second-build.log"));
        var again = await second.PackAsync(GoldenBuild.Plain, build, previous);
        again.Layers.ShouldAllBe(layer => layer.Reused);
        second.Assemble(again).Digest.ShouldBe(image.Digest);
        second.Log.Lines().ShouldContain("Reused 3/3 app layer(s)");
    }

    [Fact]
    [Spec("platform/export.base.extended", "platform/export.base.layers", "platform/export.rebasable.true", "platform/extend.build-phase")]
    public async Task ExtendedBuild_GivesTheRecordedConfiguration()
    {
        ChrootSandbox.SkipUnlessPossible();
        await using var golden = new GoldenBuild("ext-0.13");
        // What the extension did to the build image.
        golden.Sandbox.Files.CreateDirectory("/opt/ext", 0x1ED);
        golden.Sandbox.Files.WriteFile("/opt/ext/built", "built\n"u8, 0x1A4);
        golden.Sandbox.Files.WriteFile("/opt/ext/ctx", "ctx-build"u8, 0x1A4);
        var build = await golden.BuildAsync(GoldenBuild.Extended);
        golden.Log.Output.ShouldEndWith("needs: built uid=1001 gid=1001 FROMEXT=[] user=cnb home=/home/cnb\nctx-build");
        File.ReadAllText(golden.Sandbox.Root + "/layers/config/metadata.toml").ShouldBe(Read(golden, "metadata.toml"));

        var app = await golden.PackAsync(GoldenBuild.Extended, build);
        var image = golden.Assemble(app, ExtendedConfig(golden), RecordedExtensionLayers(golden));

        ShouldBeSameJson(image.Config, golden.ExpectedConfig(app, RecordedLauncher));
    }

    private static ContainerConfig ExtendedConfig(GoldenBuild golden)
    {
        var run = golden.Analyzed().RunImage.Config.Config;
        return run with
        {
            Env = ["PATH=/opt/ext/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "FROMEXT=yes"],
            WorkingDir = "/opt/ext/wd",
            User = "1001:1001",
            Labels = new Dictionary<string, string>(run.Labels!) { ["ext.label"] = "a b", ["io.buildpacks.rebasable"] = "true" },
        };
    }

    // Their content was recorded by another engine at another time; here they only have to stand where they stood.
    private static List<ExtensionLayer> RecordedExtensionLayers(GoldenBuild golden)
    {
        var recorded = JsonSerializer.Deserialize<ImageConfig>(File.ReadAllText(golden.Recording + "/config.json"))!;
        const string by = ", Created by extension: t/e";
        return
        [
            .. recorded.History!.Zip(recorded.RootFs.DiffIds)
                .Where(item => item.First.CreatedBy?.EndsWith(by, StringComparison.Ordinal) == true)
                .Select(item => new ExtensionLayer(
                    new Layer(new Descriptor(MediaTypes.OciLayerGzip, item.Second, 1), item.Second), item.First.CreatedBy!["Layer: '".Length..^(by.Length + 1)], "t/e")),
        ];
    }

    private static PinnedImage Pinned(ImageContent image) => new()
    {
        Location = "127.0.0.1:5066/gold/plain-0.13@" + image.Digest,
        Manifest = image.ManifestDescriptor,
        Config = JsonSerializer.Deserialize<ImageConfig>(image.Config.Span)!,
        Layers = [.. image.Layers.Select(source => source.Layer)],
    };

    private static void ShouldBeSameJson(ReadOnlyMemory<byte> actual, string expected)
    {
        var options = new JsonSerializerOptions { WriteIndented = true };
        Sorted(JsonNode.Parse(actual.Span)!).ToJsonString(options).ShouldBe(Sorted(JsonNode.Parse(expected)!).ToJsonString(options));
    }

    private static JsonNode Sorted(JsonNode node) => node switch
    {
        JsonObject o => new JsonObject(o.OrderBy(item => item.Key, StringComparer.Ordinal).Select(item => KeyValuePair.Create(item.Key, item.Value is null ? null : (JsonNode?)Sorted(item.Value)))),
        JsonArray a => new JsonArray([.. a.Select(item => item is null ? null : Sorted(item))]),
        _ => node.DeepClone(),
    };

    private static Dictionary<string, string> CacheShas(PackedApp app) => app.Cache.Buildpacks
        .SelectMany(buildpack => buildpack.Layers).ToDictionary(layer => layer.Name, layer => layer.Layer.DiffId.ToString())
        .Append(KeyValuePair.Create("sbom", app.Cache.Sbom!.DiffId.ToString())).ToDictionary();

    private static Dictionary<string, string> RecordedCacheShas(GoldenBuild golden)
    {
        var document = JsonNode.Parse(Read(golden, "cache.metadata.json"))!;
        return document["buildpacks"]!.AsArray()
            .SelectMany(buildpack => buildpack!["layers"]!.AsObject().Select(layer => KeyValuePair.Create(layer.Key, layer.Value!["sha"]!.GetValue<string>())))
            .Append(KeyValuePair.Create("sbom", document["sbom"]!["sha"]!.GetValue<string>())).ToDictionary();
    }

    private static string Read(GoldenBuild golden, string file) => File.ReadAllText(Path.Combine(golden.Recording, file));

    // The other phases' files, and directory sizes, which depend on the machine's file system, are not compared.
    private static List<string> Recorded(GoldenBuild golden, string file) =>
    [
        .. File.ReadAllLines(Path.Combine(golden.Recording, file))
            .Where(line => !line.Contains(" ./analyzed.toml ") && !line.Contains(" ./group.toml ") && !line.Contains(" ./plan.toml ")
                && !line.Contains(" ./report.toml ") && !line.Contains(" ./project-metadata.toml ") && !line.Contains("lau.toml") && !line.EndsWith(" . -> ", StringComparison.Ordinal))
            .Select(line => line.StartsWith('d') ? line.Replace(" 4096 ", " ") : line)
            .Order(StringComparer.Ordinal),
    ];

    private static List<string> Listing(GoldenBuild golden)
    {
        var lines = new List<string>();
        foreach (var (path, entry) in ((RootedDirectory)golden.Sandbox.Files).Walk("/layers"))
        {
            var kind = entry.Kind switch { FileKind.Directory => "d", FileKind.SymbolicLink => "l", _ => "f" };
            var size = entry.IsDirectory ? "" : entry.Kind == FileKind.SymbolicLink ? $"{entry.LinkTarget!.Length} " : $"{entry.Size} ";
            var name = "." + path["/layers".Length..];
            if (name != "./t_full/lau.toml")
                lines.Add($"{kind} {Convert.ToString(entry.Mode, 8)} {entry.Owner.UserId}:{entry.Owner.GroupId} {size}{name} -> {entry.LinkTarget}");
        }
        lines.Sort(StringComparer.Ordinal);
        return lines;
    }
}
