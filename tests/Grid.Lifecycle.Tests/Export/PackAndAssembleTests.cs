using System.Text.Json;
using Grid.Buildpacks;
using Grid.Buildpacks.Launch;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Tests.Analyze;
using Grid.Lifecycle.Tests.Build;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Layouts;

namespace Grid.Lifecycle.Tests.Export;

public sealed class PackAndAssembleTests : IAsyncDisposable
{
    private static readonly Group Group = new([new GroupElement(ModuleKind.Buildpack, "a/b", "1", "0.11")], []);

    private readonly ScriptedSandbox _sandbox = new();
    private readonly CapturedLog _log = new();
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("grid-pack-");
    private readonly ContentStore _store;

    public PackAndAssembleTests()
    {
        _store = new ContentStore(_directory.FullName + "/store");
        File.WriteAllText(_directory.FullName + "/launcher", "ours");
        _sandbox.Write("/workspace/index.html", "hello");
        _sandbox.Write("/layers/a_b/l.toml", "[types]\nlaunch = true\n[metadata]\nv = 1\n");
        _sandbox.Write("/layers/a_b/l/file", "content");
    }

    [Fact]
    [Spec("buildpack/launch.reuse", "buildpack/launch.reuse-metadata", "buildpack/export.reference")]
    public async Task Pack_TomlWithoutDirectory_TakesThePreviousLayer()
    {
        var first = await PackAsync();
        var previous = Pinned(Assemble(first));
        _sandbox.Tree.Delete("/layers/a_b/l");
        _sandbox.Write("/layers/a_b/l.toml", "[types]\nlaunch = true\n[metadata]\nv = 2\n");
        var second = await PackAsync(previous);
        second.Layers[0].ShouldBe(first.Layers[0] with { Reused = true });
        var layer = second.Metadata.Buildpacks![0].Layers!["l"];
        layer.Sha.ShouldBe(first.Layers[0].Layer.DiffId.ToString());
        layer.Data!.Value.GetRawText().ShouldBe("""{"v":2}""");
        _log.Lines().ShouldContain("Reusing layer 'a/b:l'");
    }

    [Fact]
    public async Task Pack_ReusedLayerThatIsNotOnThisNode_HasItsOrigin()
    {
        var previous = Pinned(Assemble(await PackAsync()));
        _store.Delete(previous.Layers[1].Blob.Digest);
        _sandbox.Tree.Delete("/layers/a_b/l");
        (await PackAsync(previous)).Layers[0].Origin.ShouldBe(previous.Location);
    }

    [Theory]
    [InlineData("[types]\nlaunch = true", "previous image has no metadata for layer 'a/b:l'")]
    [InlineData("[types]\nlaunch = true\ncache = true", "cache=true but has no contents")]
    [InlineData("[types]\nlaunch = 3", "l.toml:2:")]
    [Spec("buildpack/export.reference")]
    public async Task Pack_LayerThatIsNowhere_FailsWith62(string toml, string message)
    {
        _sandbox.Tree.Delete("/layers/a_b/l");
        _sandbox.Write("/layers/a_b/l.toml", toml);
        var error = await Should.ThrowAsync<LifecycleException>(() => PackAsync());
        error.ExitCode.ShouldBe(ExitCode.ExportError);
        error.Message.ShouldContain(message);
    }

    [Fact]
    public async Task Pack_LayerThatIsALink_IsRefused()
    {
        _sandbox.Tree.Delete("/layers/a_b/l");
        _sandbox.Tree.CreateSymbolicLink("/layers/a_b/l", "/root");
        (await Should.ThrowAsync<LifecycleException>(() => PackAsync())).Message.ShouldContain("SymbolicLink where the directory of a layer must be");
    }

    [Theory]
    [InlineData("[types]\nbuild = true\n")]
    [InlineData("[metadata]\nv = 1\n")]
    [InlineData(null)]
    [Spec("buildpack/launch.gone", "buildpack/reuse.untyped")]
    public async Task Pack_LayerThatIsNotForLaunch_IsNotInTheImage(string? toml)
    {
        var previous = Pinned(Assemble(await PackAsync()));
        if (toml is null)
            _sandbox.Tree.Delete("/layers/a_b/l.toml");
        else
            _sandbox.Write("/layers/a_b/l.toml", toml);

        var app = await PackAsync(previous);

        app.Layers.ShouldNotContain(layer => layer.Id == "a/b:l");
        app.Metadata.Buildpacks![0].Layers!.ShouldBeEmpty();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Spec("buildpack/launch.replace", "buildpack/launch.replace-metadata", "buildpack/launch.replace-sbom", "buildpack/launch.reuse-sbom", "buildpack/launch.reuse-metadata")]
    public async Task Pack_Rebuild_HasTheMetadataAndSbomOfThisBuild(bool leavesTheDirectory)
    {
        _sandbox.Write("/layers/sbom/launch/a_b/l/sbom.cdx.json", "1");
        var first = await PackAsync();
        var previous = Pinned(Assemble(first));
        _sandbox.Write("/layers/sbom/launch/a_b/l/sbom.cdx.json", "2");
        _sandbox.Write("/layers/a_b/l.toml", "[types]\nlaunch = true\n[metadata]\nv = 2\n");
        if (leavesTheDirectory)
            _sandbox.Write("/layers/a_b/l/file", "other content");
        else
            _sandbox.Tree.Delete("/layers/a_b/l");

        var second = await PackAsync(previous);

        (second.Metadata.Buildpacks![0].Layers!["l"].Sha == first.Metadata.Buildpacks![0].Layers!["l"].Sha).ShouldBe(!leavesTheDirectory);
        second.Metadata.Buildpacks![0].Layers!["l"].Data!.Value.GetRawText().ShouldBe("""{"v":2}""");
        second.Metadata.Sbom!.Sha.ShouldNotBe(first.Metadata.Sbom!.Sha);
    }

    [Fact]
    [Spec("platform/export.sbom-build.lifecycle")]
    public async Task Pack_LifecyclesSbom_DescribesTheBuild()
    {
        _sandbox.Write("/cnb/lifecycle/lifecycle.sbom.spdx.json", "{}");

        (await PackAsync()).Metadata.Sbom.ShouldBeNull();

        _sandbox.Read("/layers/sbom/build/buildpacksio_lifecycle/sbom.spdx.json").ShouldBe("{}");
    }

    [Fact]
    [Spec("platform/export.entrypoint.default")]
    public async Task Assemble_EntryPoint_IsTheBuildpacksDefaultUnlessAnotherIsAskedFor()
    {
        var app = await PackAsync(processes:
        [
            new LaunchProcess { Type = "web", Command = ["x"], BuildpackId = "a/b" },
            new LaunchProcess { Type = "task", Command = ["x"], BuildpackId = "a/b" },
        ]);
        app = app with { Build = app.Build with { DefaultProcessType = "task" } };

        Config(Assemble(app)).Config.Entrypoint.ShouldBe(["/cnb/process/task"]);
        Config(Assemble(app, input => input with { ProcessType = "web" })).Config.Entrypoint.ShouldBe(["/cnb/process/web"]);
    }

    [Fact]
    [Spec("platform/export.sbom.launcher")]
    public async Task Pack_BuildersLauncher_WinsOverOurs_AndBringsItsSbom()
    {
        (await PackAsync()).Launcher.Version.ShouldBe("ours");
        _sandbox.Write("/cnb/lifecycle/launcher", "theirs");
        _sandbox.Write("/cnb/lifecycle/launcher.sbom.cdx.json", "{}");
        var app = await PackAsync();
        app.Launcher.Version.ShouldBe("theirs");
        app.Metadata.Sbom.ShouldNotBeNull();
        _sandbox.Read("/layers/sbom/launch/buildpacksio_lifecycle/launcher/sbom.cdx.json").ShouldBe("{}");
    }

    [Fact]
    public async Task Pack_NoProcesses_NoProcessTypesLayer_AndTheResultSurvivesJson()
    {
        var app = await PackAsync(processes: []);
        app.Layers.Select(layer => layer.Id).ShouldBe(["a/b:l", "slice-1", "buildpacksio/lifecycle:launcher", "buildpacksio/lifecycle:config"]);
        app.Metadata.ProcessTypes.ShouldBe(LayerSha.None);
        var copy = JsonSerializer.Deserialize<PackedApp>(JsonSerializer.Serialize(app))!;
        Assemble(copy).Digest.ShouldBe(Assemble(app).Digest);
    }

    [Fact]
    [Spec("platform/export.entrypoint.given", "platform/export.entrypoint.unknown", "platform/export.entrypoint.launcher")]
    public async Task Assemble_EntryPoint_IsTheDefaultOrTheLauncher()
    {
        var app = await PackAsync();
        Config(Assemble(app)).Config.Entrypoint.ShouldBe(["/cnb/lifecycle/launcher"]);
        Config(Assemble(app, input => input with { ProcessType = "web" })).Config.Entrypoint.ShouldBe(["/cnb/process/web"]);
        var error = Should.Throw<LifecycleException>(() => Assemble(app, input => input with { ProcessType = "nope" }));
        error.ExitCode.ShouldBe(ExitCode.ExportError);
        error.Message.ShouldContain("available: web");
    }

    [Theory]
    [InlineData(false, null, "true")]
    [InlineData(true, null, "false")]
    [InlineData(true, false, "false")]
    [InlineData(true, true, "true")]
    [Spec("platform/export.rebasable.true", "platform/export.rebasable.false")]
    [Decision(26)]
    public async Task Assemble_Rebasable_IsExplicitForExtendedImagesOnly(bool extended, bool? rebasable, string expected)
    {
        var app = await PackAsync();
        var image = Assemble(app, input => input with
        {
            ExtendedConfig = extended ? input.RunImage.Config.Config : null,
            Rebasable = rebasable,
        });
        Config(image).Config.Labels!["io.buildpacks.rebasable"].ShouldBe(expected);
    }

    [Fact]
    [Spec("platform/export.created", "platform/export.env")]
    [Decision(27)]
    public async Task Assemble_PlatformDecidesHistoryAndExecEnv_AndExtraLabelsComeLast()
    {
        var app = await PackAsync();
        var old = Config(Assemble(app, input => input with { Environment = input.Environment with { PlatformApi = "0.11" } }));
        // As the reference: entries without a word about what made the layers.
        old.History.ShouldBe(old.RootFs.DiffIds.Select(_ => new HistoryEntry { Created = LayerTimes.Normalized }));
        old.Config.Labels!.Keys.ShouldNotContain("io.buildpacks.exec-env");
        var created = new DateTimeOffset(2030, 1, 2, 3, 4, 5, TimeSpan.Zero);
        var current = Config(Assemble(app, input => input with
        {
            Environment = input.Environment with { PlatformApi = "0.15", ExecEnv = "test" },
            Created = created,
            ExtraLabels = new Dictionary<string, string> { ["io.buildpacks.project.metadata"] = "mine" },
        }));
        current.Created.ShouldBe(created);
        current.History!.ShouldAllBe(entry => entry.Created == created || entry.Created == null);
        current.Config.Labels!["io.buildpacks.exec-env"].ShouldBe("test");
        current.Config.Labels!["io.buildpacks.project.metadata"].ShouldBe("mine");
        current.Config.Env!.ShouldContain("PATH=/cnb/process:/cnb/lifecycle");
    }

    [Fact]
    public async Task Assemble_BrokenProjectMetadata_IsTold() =>
        (await Should.ThrowAsync<LifecycleException>(async () => Assemble(await PackAsync(), input => input with { ProjectMetadataToml = "[source" })))
            .Message.ShouldStartWith("project-metadata.toml:1:");

    [Fact]
    [Spec("platform/report.tags", "platform/report.digest", "platform/report.size", "platform/label.run-image.top")]
    public async Task Export_ToALayout_GivesAnImageThatAnalyzeReadsAgain()
    {
        var layouts = new ImageStores([new LayoutImageStore()]);
        var platform = new Platform("linux", "amd64");
        var run = ImageLocation.Parse($"oci:{_directory.FullName}/run:1");
        var builder = ImageBuilder.FromScratch(platform).SetEnv("PATH", "/bin");
        using (var writer = LayerWriter.Create(_store))
            builder.AddLayer(writer.Complete(), _store);
        builder.SetEnv("CNB_USER_ID", "1001").SetEnv("CNB_GROUP_ID", "1001");
        await layouts.PushAsync(builder.Build(), run, null, TestContext.Current.CancellationToken);
        builder.SetLabel("io.buildpacks.builder.metadata", "{}");
        var builderLocation = ImageLocation.Parse($"oci:{_directory.FullName}/builder:1");
        await layouts.PushAsync(builder.Build(), builderLocation, null, TestContext.Current.CancellationToken);
        var target = ImageLocation.Parse($"oci:{_directory.FullName}/app:1");
        var request = new AnalyzeInput { Builder = builderLocation, Targets = [target], RunImage = run, Platform = platform };

        var analyzed = await Analyzer.AnalyzeAsync(layouts, request, _log, TestContext.Current.CancellationToken);
        // The run image's layer is not in this store: it comes from its layout.
        _store.Delete(analyzed.RunImage.Layers[0].Blob.Digest);
        var image = AppImage.Assemble(
            new AssembleInput { Environment = GoldenBuild.Environment, RunImage = analyzed.RunImage, RunImageNames = analyzed.RunImageMetadata, App = await PackAsync() }, _store, layouts, _log);
        var report = await Exporter.ExportAsync(layouts, image, [target], _log, TestContext.Current.CancellationToken);

        report.EnsureComplete();
        report.ToToml().ShouldStartWith($"[image]\n  tags = [\"{target}\"]\n  digest = \"{image.Digest}\"\n  manifest-size = ");
        var again = await Analyzer.AnalyzeAsync(layouts, request, _log, TestContext.Current.CancellationToken);
        again.Previous!.Manifest.Digest.ShouldBe(image.Digest);
        again.PreviousMetadata!.RunImage.TopLayer.ShouldBe(analyzed.RunImage.Layers[^1].DiffId.ToString());
        (await PackAsync(again.Previous)).Layers.ShouldAllBe(layer => layer.Reused);
    }

    [Fact]
    public async Task Pack_LayersThePreviousImageHas_AreNotCompressedAgain()
    {
        var first = await PackAsync();
        var elsewhere = new ContentStore(_directory.FullName + "/elsewhere");
        var again = await PackAsync(Pinned(Assemble(first)), store: elsewhere);
        again.Layers.ShouldAllBe(layer => layer.Reused);
        again.Layers.Where(layer => layer.Id == "slice-1").ShouldAllBe(layer => layer.Origin != null && !elsewhere.Contains(layer.Layer.Blob.Digest));
    }

    [Fact]
    [Spec("platform/report.image-id", "platform/report.tags")]
    public void Report_OfAnEngine_HasTheImagesId() =>
        new ExportReport { Digest = Digest.Compute("x"u8), ManifestSize = 3, ImageId = "sha256:1", Tags = ["a", "b"], Pinned = [], Errors = [] }.ToToml()
            .ShouldBe("[image]\n  tags = [\"a\", \"b\"]\n  image-id = \"sha256:1\"\n");

    [Fact]
    public async Task Export_OneNameRefused_WritesTheOthersAndReportsIt()
    {
        var fake = new FakeImages();
        fake.Unwritable.Add("a.test/app:1");
        var image = Assemble(await PackAsync());
        var targets = new[] { ImageLocation.Parse("a.test/app:1"), ImageLocation.Parse("b.test/app:1") };
        var report = await Exporter.ExportAsync(new ImageStores([fake]), image, targets, _log, TestContext.Current.CancellationToken);
        fake.Pushed.ShouldBe(["b.test/app:1"]);
        report.Pinned.ShouldBe([$"b.test/app:1@{image.Digest}"]);
        report.Errors.ShouldHaveSingleItem().Tag.ShouldBe("a.test/app:1");
        var error = Should.Throw<LifecycleException>(report.EnsureComplete);
        error.ExitCode.ShouldBe(ExitCode.ExportError);
        error.Message.ShouldContain("a.test/app:1: denied");
        error.Message.ShouldContain("written: b.test/app:1");
    }

    public async ValueTask DisposeAsync()
    {
        await _sandbox.DisposeAsync();
        _directory.Delete(recursive: true);
    }

    private Task<PackedApp> PackAsync(PinnedImage? previous = null, IReadOnlyList<LaunchProcess>? processes = null, ContentStore? store = null) => LayerPacker.PackAsync(
        _sandbox.Tree,
        store ?? _store,
        new PackInput
        {
            Environment = GoldenBuild.Environment with { User = Me() },
            Group = Group,
            Build = new BuildMetadata { Buildpacks = Group.Buildpacks, Processes = processes ?? [new LaunchProcess { Type = "web", Command = ["x"], BuildpackId = "a/b" }] },
            LauncherPath = _directory.FullName + "/launcher",
            OwnLauncher = new LauncherMetadata { Version = "ours" },
            BuilderLauncher = new LauncherMetadata { Version = "theirs" },
            PreviousImage = previous,
            Previous = LifecycleMetadata.Read(previous?.Config.Config.Labels?.GetValueOrDefault(LifecycleMetadata.Label), out _),
        },
        _log,
        TestContext.Current.CancellationToken);

    private Sandbox.ProcessUser Me()
    {
        var owner = _sandbox.Tree.Stat("/")!.Owner;
        return new Sandbox.ProcessUser(owner.UserId, owner.GroupId);
    }

    private ImageContent Assemble(PackedApp app, Func<AssembleInput, AssembleInput>? change = null)
    {
        var digest = Digest.Compute("run"u8);
        var run = new PinnedImage
        {
            Location = "r.test/run:1@" + digest,
            Manifest = new Descriptor(MediaTypes.OciManifest, digest, 3),
            Config = new ImageConfig
            {
                Os = "linux",
                Architecture = "amd64",
                RootFs = new RootFs { DiffIds = [digest] },
                Config = new ContainerConfig { Labels = new Dictionary<string, string> { ["io.buildpacks.rebasable"] = "true" } },
            },
            Layers = [new Layer(new Descriptor(MediaTypes.OciLayerGzip, digest, 3), digest)],
        };
        var input = new AssembleInput
        {
            Environment = GoldenBuild.Environment,
            RunImage = run,
            RunImageNames = new RunImageNames { Image = "r.test/run:1" },
            App = app,
        };
        return AppImage.Assemble(change is null ? input : change(input), _store, new ImageStores([]), _log);
    }

    private static ImageConfig Config(ImageContent image) => JsonSerializer.Deserialize<ImageConfig>(image.Config.Span)!;

    private static PinnedImage Pinned(ImageContent image) => new()
    {
        Location = "p.test/app:1@" + image.Digest,
        Manifest = image.ManifestDescriptor,
        Config = Config(image),
        Layers = [.. image.Layers.Select(source => source.Layer)],
    };
}
