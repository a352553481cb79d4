using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Rebase;
using Grid.Lifecycle.Tests.Build;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layouts;
using Grid.Oci.Tests.Images;

namespace Grid.Lifecycle.Tests.Rebase;

/// <summary>platform.md §rebaser and spec-facts §7, rule by rule, on images in OCI layouts.</summary>
public sealed class RebaserTests : IDisposable
{
    private readonly TemporaryDirectory _directory = new();
    private readonly RebaseSample _sample;
    private readonly CapturedLog _log = new();

    public RebaserTests() => _sample = new RebaseSample(
        new ImageStores([new LayoutImageStore()]), name => ImageLocation.Parse("oci:" + _directory[name.Replace('/', '-')]));

    [Fact]
    [Spec("platform/rebase.updated", "platform/rebase.metadata", "platform/rebase.identical", "platform/rebase.split")]
    [Spec("platform/rebase.layers", "platform/rebase.label", "platform/rebase.label.reference", "platform/rebase.label.top-layer")]
    [Spec("platform/rebase.base-labels", "platform/rebase.created")]
    public async Task Rebase_ReplacesLayersAndLabelsOfTheBaseAndNothingElse()
    {
        var app = await _sample.AppAsync(builder => builder.SetLabel("io.buildpacks.base.gone", "x").SetLabel("io.buildpacks.stack.gone", "x"));
        var now = await _sample.BaseAsync(RebaseSample.Mirror, 3, builder =>
        {
            builder.SetLabel("io.buildpacks.base.id", "new").SetEnv("PATH", "/new");
            builder.Config = builder.Config with { OsVersion = "9" };
        });

        var report = await RebaseAsync(RebaseSample.Mirror);

        var result = await _sample.ReadAsync(RebaseSample.App);
        result.Manifest.Digest.ShouldBe(report.Digest);
        result.Layers.Select(layer => layer.DiffId).ShouldBe([.. now.Layers.Select(layer => layer.DiffId), .. app.Layers.Skip(2).Select(layer => layer.DiffId)]);
        var (old, config) = (app.Config.Config, result.Config.Config);
        (config.User, config.WorkingDir).ShouldBe((old.User, old.WorkingDir));
        config.Entrypoint.ShouldBe(old.Entrypoint);
        config.Env.ShouldBe(old.Env);
        config.Labels!.Keys.ShouldBe(
            ["greeting", "io.buildpacks.base.distro.name", "io.buildpacks.base.distro.version", "io.buildpacks.base.id", LifecycleMetadata.Label, "io.buildpacks.stack.id", "of.the.base"], ignoreOrder: true);
        config.Labels["of.the.base"].ShouldBe(RebaseSample.Old);
        config.Labels[LifecycleMetadata.Label].ShouldBe(
            RebaseSample.Label(now.Layers[^1].DiffId, _sample.At(RebaseSample.Old), _sample.At(RebaseSample.Mirror))
                .Replace("\"r\"", $"\"{_directory["base-mirror:1"][..^2]}@{now.Manifest.Digest}\"".Replace(":1@", "@")));
        result.Config.OsVersion.ShouldBe("9");
        // As the reference: one entry for each layer that says nothing but its time, and nothing of who made the image.
        result.Config.History.ShouldBe(Enumerable.Repeat(new HistoryEntry { Created = Grid.Oci.Layers.LayerTimes.Normalized }, 5));
        result.Config.Author.ShouldBeNull();
        result.Config.Created.ShouldBe(Grid.Oci.Layers.LayerTimes.Normalized);
    }

    [Fact(DisplayName = "§14 row 25: the variant is kept, the new base's when it says one")]
    [Spec("platform/rebase.force-target", "platform/rebase.same-target")]
    [Decision(25)]
    public async Task Row25_Variant()
    {
        await _sample.AppAsync();
        await _sample.BaseAsync(RebaseSample.Mirror);
        await RebaseAsync(RebaseSample.Mirror);
        (await _sample.ReadAsync(RebaseSample.App)).Config.Variant.ShouldBe("v1");
        await _sample.BaseAsync(RebaseSample.Other, change: builder => builder.Config = builder.Config with { Variant = "v2" });
        (await ShouldFailAsync(RebaseSample.Other)).ShouldContain("unable to satisfy target os/arch constraints; new run image: linux/amd64/v2/debian/12, old run image: linux/amd64/v1/debian/12; please provide -force");
        var report = await RebaseAsync(RebaseSample.Other, force: true);
        var forced = await _sample.Images.FindAsync(ImageLocation.Parse(report.Pinned[0]), TestImages.Amd64, Token);
        forced!.Config.Variant.ShouldBe("v2");
    }

    [Theory(DisplayName = "§14 row 25: media types are the app's, whatever the base's are")]
    [InlineData(MediaTypes.OciManifest, MediaTypes.OciLayerGzip)]
    [InlineData(MediaTypes.DockerManifest, MediaTypes.DockerLayerGzip)]
    [Decision(25)]
    public void Row25_MediaTypes(string manifest, string layer)
    {
        var app = TestImages.View(TestImages.Build());
        app = app with { Manifest = app.Manifest with { MediaType = manifest } };
        var other = manifest == MediaTypes.OciManifest ? MediaTypes.DockerManifest : MediaTypes.OciManifest;
        var now = TestImages.View(TestImages.Build(salt: "new"));
        now = now with { Manifest = now.Manifest with { MediaType = other } };
        var input = new RebaseInput { PlatformApi = "0.13", App = _sample.At("a"), Targets = [], Platform = TestImages.Amd64 };
        var content = RebasedImage.Start((app, _sample.At("a")), (now, _sample.At("b")), app.Layers[0].DiffId.ToString(), input).Build();
        content.ManifestMediaType.ShouldBe(manifest);
        content.Layers.ShouldAllBe(source => source.Layer.Blob.MediaType == layer);
    }

    [Theory(DisplayName = "§14 row 26: only the literal label false keeps an app from being rebased; other texts are warned about")]
    [InlineData(null, true, false)]
    [InlineData("true", true, false)]
    [InlineData("maybe", true, true)]
    [InlineData("false", false, false)]
    [Spec("platform/rebase.rebasable")]
    [Decision(26)]
    public async Task Row26_Rebasable(string? label, bool allowed, bool warned)
    {
        await _sample.AppAsync(builder => builder.SetLabel("io.buildpacks.rebasable", label));
        await _sample.BaseAsync(RebaseSample.Mirror);
        if (allowed)
            await RebaseAsync(RebaseSample.Mirror);
        else
            (await ShouldFailAsync(RebaseSample.Mirror)).ShouldBe("app image is not marked as rebasable; please provide -force to override");
        _log.Lines(PhaseLogLevel.Warn).Count.ShouldBe(warned ? 1 : 0);
        await RebaseAsync(RebaseSample.Mirror, force: true);
        (await _sample.ReadAsync(RebaseSample.App)).Config.Config.Labels!.GetValueOrDefault("io.buildpacks.rebasable").ShouldBe(label);
    }

    [Fact]
    [Spec("platform/rebase.known-image", "platform/rebase.force-image", "platform/rebase.force-mirrors", "platform/label.stack")]
    public async Task UnknownName_IsRefused_AndForcedReplacesNameAndMirrors()
    {
        await _sample.AppAsync();
        await _sample.BaseAsync(RebaseSample.Other);
        var other = _sample.At(RebaseSample.Other).ToString();
        (await ShouldFailAsync(RebaseSample.Other)).ShouldStartWith($"rebase app image: new base image '{other}' not found in existing run image metadata: {{");
        await RebaseAsync(RebaseSample.Other, force: true);
        var label = LifecycleMetadata.Read((await _sample.ReadAsync(RebaseSample.App)).Config.Config.Labels![LifecycleMetadata.Label], out _)!;
        (label.RunImage.Image, label.RunImage.Mirrors, label.Stack!.RunImage.Image).ShouldBe((other, null, other));
        _log.Lines(PhaseLogLevel.Warn).ShouldHaveSingleItem();
    }

    [Fact]
    public async Task UnknownName_BeforePlatformApi012_IsNotAskedAndTargetLabelsStay()
    {
        var app = await _sample.AppAsync(api: "0.11");
        await _sample.BaseAsync(RebaseSample.Other, change: builder => builder.SetLabel("io.buildpacks.base.distro.version", "13"));
        await RebaseAsync(RebaseSample.Other, api: "0.11");
        var labels = (await _sample.ReadAsync(RebaseSample.App)).Config.Config.Labels!;
        labels["io.buildpacks.base.distro.version"].ShouldBe("12");
        LifecycleMetadata.Read(labels[LifecycleMetadata.Label], out _)!.RunImage.Image.ShouldBe(_sample.At(RebaseSample.Old).ToString());
        app.Config.Config.Labels!["io.buildpacks.base.distro.version"].ShouldBe("12");
    }

    [Theory]
    [InlineData("io.buildpacks.base.distro.name", "ubuntu", false)]
    [InlineData("io.buildpacks.base.distro.version", "13", false)]
    [InlineData("io.buildpacks.base.distro.name", null, true)]
    [Spec("platform/rebase.force-target", "platform/rebase.same-target")]
    public async Task Distribution_OfTheNewBaseMustBeTheApps(string label, string? value, bool allowed)
    {
        await _sample.AppAsync();
        await _sample.BaseAsync(RebaseSample.Mirror, change: builder => builder.SetLabel(label, value));
        if (!allowed)
            (await ShouldFailAsync(RebaseSample.Mirror)).ShouldStartWith("unable to satisfy target");
        await RebaseAsync(RebaseSample.Mirror, force: !allowed);
        (await _sample.ReadAsync(RebaseSample.App)).Config.Config.Labels!.GetValueOrDefault(label).ShouldBe(value);
    }

    [Theory]
    [InlineData("stack", null, null, null)]
    [InlineData("other", null, null, "incompatible stack: 'other' is not compatible with 'stack'")]
    [InlineData(null, null, null, "stack not defined on new base image")]
    [InlineData("stack", """["a","run:b"]""", """["a","b","c"]""", null)]
    [InlineData("stack", """["build:a","run:z","b"]""", """["a"]""", "missing required mixin(s): b, z")]
    [InlineData("stack", "no json", null, "get app image mixins")]
    public async Task OldPlatforms_CompareStackAndMixins(string? stack, string? appMixins, string? baseMixins, string? error)
    {
        await _sample.AppAsync(builder => builder.SetLabel("io.buildpacks.stack.mixins", appMixins), api: "0.11");
        await _sample.BaseAsync(RebaseSample.Mirror, change: builder =>
            builder.SetLabel("io.buildpacks.stack.id", stack).SetLabel("io.buildpacks.stack.mixins", baseMixins).SetLabel("io.buildpacks.base.distro.name", "other"));
        if (error is null)
            await RebaseAsync(RebaseSample.Mirror);
        else
            (await ShouldFailAsync(RebaseSample.Mirror)).ShouldContain(error);
    }

    [Fact]
    public async Task MissingTopLayer_IsAnError()
    {
        await _sample.AppAsync(label: RebaseSample.Label(Digest.Compute("x"u8), _sample.At(RebaseSample.Old), _sample.At(RebaseSample.Mirror)));
        await _sample.BaseAsync(RebaseSample.Mirror);
        (await ShouldFailAsync(RebaseSample.Mirror)).ShouldContain($"it has no layer '{Digest.Compute("x"u8)}'");
    }

    [Theory]
    [InlineData("{}", "-run-image is required")]
    [InlineData("no json", "only images made by buildpacks")]
    [InlineData("", "only images made by buildpacks")]
    public async Task LabelWithoutRunImage_AndNoneGiven_IsAnError(string label, string error)
    {
        await _sample.AppAsync(builder => builder.SetLabel(LifecycleMetadata.Label, label.Length == 0 ? null : label));
        (await ShouldFailAsync(null)).ShouldContain(error);
    }

    [Fact]
    [Spec("platform/run-image.resolve.first")]
    public async Task NoRunImageGiven_TakesTheFirstOfTheLabelsNamesThatCanBeRead()
    {
        await _sample.AppAsync();
        var mirror = await _sample.BaseAsync(RebaseSample.Mirror, 3);
        Directory.Delete(_directory["base-run"], recursive: true);
        await RebaseAsync(null);
        (await _sample.ReadAsync(RebaseSample.App)).Layers[2].DiffId.ShouldBe(mirror.Layers[2].DiffId);
        Directory.Delete(_directory["base-mirror"], recursive: true);
        (await ShouldFailAsync(null)).ShouldStartWith("failed to find accessible run image");
    }

    [Fact]
    public async Task NamedRunImageThatIsNotThere_IsAFailureOfItsOwn()
    {
        await _sample.AppAsync();
        (await ShouldFailAsync(RebaseSample.Mirror, ExitCode.Failed)).ShouldContain("not found");
    }

    [Fact]
    [Spec("platform/rebase.previous", "platform/rebase.every-tag", "platform/rebase.created", "platform/rebase.report")]
    public async Task PreviousImage_IsNotChanged_AndEveryTargetIsTheSameImage()
    {
        var app = await _sample.AppAsync();
        await _sample.BaseAsync(RebaseSample.Mirror);
        var created = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
        var targets = new[] { "app/new:1", "app/new:2" };
        var report = await Rebaser.RebaseAsync(
            _sample.Images, Input(RebaseSample.Mirror) with { Targets = [.. targets.Select(Target)], Created = created }, _log, Token);
        (await _sample.ReadAsync(RebaseSample.App)).Manifest.Digest.ShouldBe(app.Manifest.Digest);
        foreach (var target in targets)
        {
            var image = await _sample.ReadAsync(target);
            image.Manifest.Digest.ShouldBe(report.Digest);
            image.Config.Created.ShouldBe(created);
            image.Config.History!.ShouldAllBe(entry => entry.Created == created);
        }
        report.ToToml().ShouldStartWith("[image]\n  tags = [\"app/new:1\", \"app/new:2\"]\n  digest = \"sha256:");
    }

    public void Dispose() => _directory.Dispose();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ExportTarget Target(string name) => new(name, _sample.At(name));

    private RebaseInput Input(string? runImage, bool force = false, string api = "0.13") => new()
    {
        PlatformApi = api,
        App = _sample.At(RebaseSample.App),
        Targets = [Target(RebaseSample.App)],
        RunImage = runImage is null ? null : ExportTarget.Of(_sample.At(runImage)),
        Force = force,
        Platform = TestImages.Amd64,
    };

    private async Task<ExportReport> RebaseAsync(string? runImage, bool force = false, string api = "0.13")
    {
        var report = await Rebaser.RebaseAsync(_sample.Images, Input(runImage, force, api), _log, Token);
        report.EnsureComplete();
        return report;
    }

    private async Task<string> ShouldFailAsync(string? runImage, ExitCode exitCode = ExitCode.RebaseError)
    {
        var before = (await _sample.ReadAsync(RebaseSample.App)).Manifest.Digest;
        var error = await Should.ThrowAsync<LifecycleException>(() => Rebaser.RebaseAsync(_sample.Images, Input(runImage), _log, Token));
        error.ExitCode.ShouldBe(exitCode, error.Message);
        (await _sample.ReadAsync(RebaseSample.App)).Manifest.Digest.ShouldBe(before);
        return error.Message;
    }
}
