using Grid.Contracts.Apps;
using Grid.Contracts.Builds;
using Grid.Contracts.Steps;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Context;
using Grid.Dockerfiles.Planning;
using Grid.Grains.Machines;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Packages;
using Grid.Oci.Images;

namespace Grid.Grains.Tests.Machines;

public sealed class PriorStepsTests
{
    private const string Target = "registry.example/app:latest";
    private static readonly DateTimeOffset Day = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    private static (ExtendRequest Request, ChainStep Step, ExtensionRecord[] Records, Layer Layer) Made(string text = "RUN one\n")
    {
        var walk = new ExtensionChainTests.Walk(text);
        return (walk.Request, walk.Steps[0], walk.Chain.Records(walk.End), walk.Image.Added[0].Layer);
    }

    private static PinnedImage Previous(string name, IReadOnlyDictionary<string, string>? labels, params Layer[] layers)
    {
        var image = Samples.Image(name, labels: labels);
        return image with { Layers = [.. image.Layers, .. layers] };
    }

    private static ExtendRequest With(ExtendRequest request, AnalyzeResult analyzed) => request with
    {
        Previous = PriorSteps.Records(new AppRecord(), analyzed, Target), Prior = PriorSteps.Image(analyzed, Target),
    };

    [Fact]
    [Decision(20)]
    public void Find_LabelOfTheAppsOwnImage_GivesItsLayer()
    {
        var (request, step, records, layer) = Made();
        var analyzed = Samples.Analyzed() with { Previous = Previous("app", ExtensionLabel.For(records, withDates: true), layer) };

        var found = PriorSteps.Find(With(request, analyzed), step, Day.AddDays(-1));

        found!.Value.Step.Layer.ShouldBe(layer);
        found.Value.Step.CreatedAt.ShouldBe(Day);
        found.Value.Origin.ShouldBe(analyzed.Previous.Location);
    }

    [Fact]
    public void Find_LabelNamesALayerTheImageHasNot_GivesNothing()
    {
        var (request, step, records, _) = Made();
        var analyzed = Samples.Analyzed() with { Previous = Previous("app", ExtensionLabel.For(records, withDates: true), Samples.LayerOf("another")) };

        PriorSteps.Find(With(request, analyzed), step, Day.AddDays(-1)).ShouldBeNull();
    }

    [Fact]
    public void Find_ImageOfAnotherRepository_IsNotBelieved()
    {
        var (request, step, records, layer) = Made();
        var analyzed = Samples.Analyzed() with { Previous = Previous("stranger", ExtensionLabel.For(records, withDates: true), layer) };

        PriorSteps.Image(analyzed, Target).ShouldBeNull();
        PriorSteps.Records(new AppRecord(), analyzed, Target).ShouldBeEmpty();
        PriorSteps.Find(With(request, analyzed), step, Day.AddDays(-1)).ShouldBeNull();
    }

    [Theory]
    [InlineData(true, 1)]
    [InlineData(false, -1)]
    public void Find_TooOldOrOfUnknownAge_GivesNothing(bool withDates, int days)
    {
        var (request, step, records, layer) = Made();
        var analyzed = Samples.Analyzed() with { Previous = Previous("app", ExtensionLabel.For(records, withDates), layer) };

        PriorSteps.Find(With(request, analyzed), step, Day.AddDays(days)).ShouldBeNull();
    }

    [Fact]
    public void Find_AnotherKey_GivesNothing()
    {
        var (request, _, records, layer) = Made();
        var analyzed = Samples.Analyzed() with { Previous = Previous("app", ExtensionLabel.For(records, withDates: true), layer) };

        PriorSteps.Find(With(request, analyzed), Made("RUN two\n").Step, Day.AddDays(-1)).ShouldBeNull();
    }

    [Fact]
    public void Label_WrittenAndRead_SaysTheSame()
    {
        var packages = new PackageChanges
        {
            Added = [new Package(PackageKind.Deb, "libstdc++6", "1:12.2.0-14+deb12u1", "amd64") { Source = "gcc-12" }],
            Removed = [new Package(PackageKind.Apk, "a b", "1~rc", "")],
            Distribution = "debian",
        };
        var (_, _, records, layer) = Made();
        records = [records[0] with { Args = [new BuildArg("token", "s3cret")], Steps = [.. records[0].Steps.Select(s => s with { Packages = packages })] }];

        var label = ExtensionLabel.For(records, withDates: true);
        var read = ExtensionLabel.Read(label).Single();

        label[ExtensionLabel.Name].ShouldNotContain("s3cret");
        (read.ExtensionId, read.ExtensionVersion, read.Kind, read.Dockerfile, read.BaseImage)
            .ShouldBe((records[0].ExtensionId, records[0].ExtensionVersion, ImageKind.Run, records[0].Dockerfile, records[0].BaseImage));
        var step = read.Steps.Single();
        (step.Line, step.Key.Digest, step.DiffId, step.Blob).ShouldBe((3, records[0].Steps[0].Key.Digest, layer.DiffId, layer.Blob.Digest));
        step.Packages!.Added.ShouldBe(packages.Added);
        step.Packages.Removed.ShouldBe(packages.Removed);
    }

    [Theory]
    [InlineData("")]
    [InlineData("[")]
    [InlineData("null")]
    [InlineData("[{}]")]
    [InlineData("[{\"id\":\"a\",\"version\":\"1\",\"kind\":\"other\",\"dockerfile\":\"sha256:00\",\"baseImage\":\"x\"}]")]
    [InlineData("[null]")]
    public void Label_WrittenBySomebodyElse_GivesNothing(string text) =>
        ExtensionLabel.Read(new Dictionary<string, string> { [ExtensionLabel.Name] = text }).ShouldBeEmpty();
}
