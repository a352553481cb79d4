using System.Text.Json;
using Grid.Buildpacks;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Tests.Build;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Tests.Analyze;

public sealed class AnalyzerTests
{
    private const string Label = """{"images":[{"image":"a.test/run:1","mirrors":["b.test/run:1"]},{"image":"a.test/other:1"}],"lifecycle":{"version":"0.21.14"}}""";

    private readonly FakeImages _fake = new();
    private readonly CapturedLog _log = new();

    public AnalyzerTests()
    {
        _fake.AddBuilder("a.test/builder:1", Label, "CNB_USER_ID=1001", "CNB_GROUP_ID=1002");
        _fake.Add("a.test/run:1", new Dictionary<string, string> { ["io.buildpacks.base.distro.name"] = "debian", ["io.buildpacks.base.distro.version"] = "12", ["io.buildpacks.base.id"] = "x" });
        _fake.Add("b.test/run:1");
        _fake.Add("a.test/other:1");
    }

    [Fact]
    [Spec("platform/analyze.absent-images", "buildpack/analyze.none")]
    [Decision(23)]
    [Spec("platform/target.distro")]
    public async Task FirstBuild_PinsEverything()
    {
        var result = await AnalyzeAsync("c.test/app:1");
        result.Builder.Location.ShouldStartWith("a.test/builder:1@sha256:");
        result.RunImage.Location.ShouldStartWith("a.test/run:1@sha256:");
        result.RunImageName.ShouldBe("a.test/run:1");
        result.RunImageMetadata.All.ShouldBe(["a.test/run:1", "b.test/run:1"]);
        (result.User.UserId, result.User.GroupId).ShouldBe((1001, 1002));
        result.Target.ShouldBe(new Target("linux", "amd64") { DistroName = "debian", DistroVersion = "12", Id = "x" });
        result.LifecycleLauncherNote.ShouldBe("0.21.14");
        result.Previous.ShouldBeNull();
        _log.Lines().ShouldContain("Image with name \"c.test/app:1\" not found");
    }

    [Fact]
    [Spec("platform/analyzed.bionic")]
    public async Task RunImage_OfTheBionicStack_IsUbuntu1804()
    {
        _fake.Add("a.test/run:1", new Dictionary<string, string> { ["io.buildpacks.stack.id"] = "io.buildpacks.stacks.bionic" });
        (await AnalyzeAsync("c.test/app:1")).Target.ShouldBe(new Target("linux", "amd64") { DistroName = "ubuntu", DistroVersion = "18.04" });
    }

    [Fact]
    public async Task Result_SurvivesJson()
    {
        _fake.Add("c.test/app:1", new Dictionary<string, string> { ["io.buildpacks.lifecycle.metadata"] = """{"app":[{"sha":"s"}]}""" });
        var result = await AnalyzeAsync("c.test/app:1");
        var text = JsonSerializer.Serialize(result);
        var copy = JsonSerializer.Deserialize<AnalyzeResult>(text)!;
        JsonSerializer.Serialize(copy).ShouldBe(text);
        copy.PreviousMetadata!.App![0].Sha.ShouldBe("s");
        copy.RunImage.ToLocation().ShouldBe(result.RunImage.ToLocation());
    }

    [Theory]
    [InlineData("b.test/app:1", null, "b.test/run:1")]
    [InlineData("b.test/app:1", "b.test/run:1", "a.test/run:1")]
    [InlineData("c.test/app:1", "a.test/run:1", "b.test/run:1")]
    [Spec("platform/run-image.resolve.registry", "platform/run-image.resolve.first", "platform/analyze.run-image")]
    [Spec("platform/analyze.read-access")]
    public async Task RunImage_OneInTheAppsRegistryThatCanBeRead_ElseTheFirstThatCan(string app, string? unreadable, string expected)
    {
        if (unreadable is not null)
            _fake.Unreadable.Add(unreadable);
        var result = await AnalyzeAsync(app);
        result.RunImageName.ShouldBe(expected);
        result.RunImageMetadata.Image.ShouldBe("a.test/run:1");
    }

    [Fact]
    [Spec("platform/analyze.run-image", "platform/analyze.read-access")]
    public async Task RunImage_NoneReadable_SaysWhyForEach()
    {
        _fake.Unreadable.UnionWith(["a.test/run:1", "b.test/run:1"]);
        var error = await FailsAsync("c.test/app:1");
        error.Message.ShouldContain("a.test/run:1: denied");
        error.Message.ShouldContain("b.test/run:1: denied");
    }

    [Theory]
    [InlineData("a.test/other:1", "a.test/other:1")]
    [InlineData("b.test/run:1", "a.test/run:1")]
    [InlineData("z.test/mine:2", "z.test/mine:2")]
    [Spec("platform/run-image.resolve.mirrors", "platform/label.run-image.names")]
    public async Task RunImage_Named_IsTaken_AndTheLabelNamesWhatARebaseShallFollow(string wanted, string inLabel)
    {
        _fake.Add("z.test/mine:2");
        var result = await AnalyzeAsync("c.test/app:1", wanted);
        result.RunImageName.ShouldBe(wanted);
        result.RunImageMetadata.Image.ShouldBe(inLabel);
    }

    [Theory]
    [InlineData("a.test/builder:1")]
    [InlineData("a.test/run:1")]
    [InlineData("b.test/run:1")]
    [InlineData("a.test/other:1")]
    public async Task Target_ThatIsAnInputOfBuilds_IsRefused(string target) => (await FailsAsync(target)).Message.ShouldContain("would overwrite");

    [Fact]
    [Spec("platform/analyze.write-access")]
    public async Task Target_ThatMayNotBeWritten_FailsFirst()
    {
        _fake.Unwritable.Add("c.test/app:2");
        var error = await Should.ThrowAsync<LifecycleException>(() => AnalyzeAsync("c.test/app:1", null, "c.test/app:2"));
        error.ExitCode.ShouldBe(ExitCode.AnalyzeError);
        error.Message.ShouldContain("c.test/app:2");
    }

    [Fact]
    [Spec("platform/analyze.read-access", "platform/target.same", "buildpack/analyze.previous")]
    public async Task Previous_ThatMayNotBeRead_Fails_ButOneOfAnotherKindIsIgnored()
    {
        _fake.Unreadable.Add("c.test/app:1");
        (await FailsAsync("c.test/app:1")).Message.ShouldContain("previous image c.test/app:1");
        _fake.Add("d.test/app:1", arch: "arm64");
        (await AnalyzeAsync("d.test/app:1")).Previous.ShouldBeNull();
        _fake.Add("e.test/app:1", new Dictionary<string, string> { ["io.buildpacks.lifecycle.metadata"] = "broken" });
        var result = await AnalyzeAsync("e.test/app:1");
        result.Previous.ShouldNotBeNull();
        result.PreviousMetadata.ShouldBeNull();
        _log.Lines(PhaseLogLevel.Warn).Count.ShouldBe(2);
    }

    [Theory]
    [InlineData("{}", "CNB_USER_ID=1,CNB_GROUP_ID=1", "names no run image")]
    [InlineData("nonsense", "CNB_USER_ID=1,CNB_GROUP_ID=1", "not a builder")]
    [InlineData("{}", "CNB_GROUP_ID=1", "does not set CNB_USER_ID")]
    [InlineData("{}", "CNB_USER_ID=x,CNB_GROUP_ID=1", "not a number")]
    [InlineData("{}", "CNB_USER_ID=0,CNB_GROUP_ID=1", "as root")]
    [Spec("platform/build-image.user")]
    public async Task Builder_ThatIsNone_IsToldApart(string label, string env, string message)
    {
        _fake.AddBuilder("a.test/builder:1", label, env.Split(','));
        (await FailsAsync("c.test/app:1")).Message.ShouldContain(message);
    }

    [Fact]
    public async Task Builder_OldLabel_NamesTheRunImageOfItsStack()
    {
        _fake.AddBuilder("a.test/builder:1", """{"stack":{"runImage":{"image":"b.test/run:1","mirrors":null}}}""", "CNB_USER_ID=1", "CNB_GROUP_ID=1");
        (await AnalyzeAsync("c.test/app:1")).RunImageName.ShouldBe("b.test/run:1");
    }

    [Fact]
    [Spec("platform/detect.ext.warn-unknown", "platform/restore.run-image.digest", "platform/restore.run-image.target")]
    [Decision(23)]
    public async Task SwitchRunImage_PinsTheNewOne_AndWarnsWhenTheBuilderDoesNotKnowIt()
    {
        _fake.Add("z.test/base:9", new Dictionary<string, string> { ["io.buildpacks.base.distro.name"] = "alpine" });
        var input = Input(["c.test/app:1"], null);
        var images = new ImageStores([_fake]);
        var before = await AnalyzeAsync("c.test/app:1");
        var after = await Analyzer.SwitchRunImageAsync(images, input, before, "z.test/base:9", _log, TestContext.Current.CancellationToken);
        after.RunImage.Location.ShouldStartWith("z.test/base:9@");
        after.Target.DistroName.ShouldBe("alpine");
        after.RunImageMetadata.Image.ShouldBe("z.test/base:9");
        _log.Lines(PhaseLogLevel.Warn).ShouldHaveSingleItem().ShouldContain("not found in run metadata");
        foreach (var bad in (string[])["c.test/app:1", "z.test/missing:1", "UPPER/case:", "oci:/var/lib/images/run:1", "docker:run:1"])
        {
            (await Should.ThrowAsync<LifecycleException>(() => Analyzer.SwitchRunImageAsync(images, input, before, bad, _log, TestContext.Current.CancellationToken)))
                .ExitCode.ShouldBe(ExitCode.RestoreError);
        }
    }

    private async Task<LifecycleException> FailsAsync(string target)
    {
        var error = await Should.ThrowAsync<LifecycleException>(() => AnalyzeAsync(target));
        error.ExitCode.ShouldBe(ExitCode.AnalyzeError);
        return error;
    }

    private Task<AnalyzeResult> AnalyzeAsync(string target, string? runImage = null, params string[] further) =>
        Analyzer.AnalyzeAsync(new ImageStores([_fake]), Input([target, .. further], runImage), _log, TestContext.Current.CancellationToken);

    private static AnalyzeInput Input(string[] targets, string? runImage) => new()
    {
        Builder = ImageLocation.Parse("a.test/builder:1"),
        Targets = [.. targets.Select(ImageLocation.Parse)],
        RunImage = runImage is null ? null : ImageLocation.Parse(runImage),
        Platform = new Platform("linux", "amd64"),
    };
}
