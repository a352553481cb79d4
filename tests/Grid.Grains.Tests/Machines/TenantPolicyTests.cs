using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Dockerfiles;
using Grid.Grains.Machines;

namespace Grid.Grains.Tests.Machines;

public sealed class TenantPolicyTests
{
    private static readonly DateTimeOffset Now = new(2026, 12, 31, 23, 0, 0, TimeSpan.Zero);

    private static TenantRefusal? Request(TenantSettings settings, string builder = "registry.example/builder:1", string? runImage = null, params string[] targets) =>
        TenantPolicy.Check("red", settings, Samples.Request() with { Builder = builder, RunImage = runImage, Targets = targets.Length == 0 ? ["registry.example/team/app:1"] : targets });

    [Theory]
    [InlineData("registry.example/builder", true)]
    [InlineData("registry.example/builder:1", true)]
    [InlineData("registry.example/builder:2", false)]
    [InlineData("registry.example/build", false)]
    [InlineData("elsewhere.example/builder", false)]
    public void Builder_AnEntryAllowsExactlyWhatItSays(string allowed, bool expected) => (Request(new TenantSettings { AllowedBuilders = [allowed] }) is null).ShouldBe(expected);

    [Theory]
    [InlineData("registry.example", true)]
    [InlineData("registry.example/team", true)]
    [InlineData("registry.example/team/", true)]
    [InlineData("registry.example/tea", false)]
    [InlineData("registry.example:5000", false)]
    public void Registry_AnEntryIsARegistryOrAPartOfOne(string allowed, bool expected) => (Request(new TenantSettings { AllowedRegistries = [allowed] }) is null).ShouldBe(expected);

    [Fact]
    public void All_that_is_not_allowed_is_named_with_what_is_and_what_to_do()
    {
        var refusal = Request(new TenantSettings { AllowedBuilders = ["a.example/b"], AllowedRunImages = ["a.example/r"], AllowedRegistries = ["a.example"] }, runImage: "b.example/r", targets: ["b.example/x", "a.example/x"])!;

        refusal.Code.ShouldBe("policy-violation");
        refusal.Errors.Keys.ShouldBe(["builder", "runImage", "image"]);
        refusal.Errors["image"].Single().ShouldBe("tenant red may push to a.example, not b.example/x; choose one of those, or ask an operator to allow it");
    }

    [Theory]
    [InlineData(ImageKind.Build)]
    [InlineData(ImageKind.Run)]
    public void Extension_ByItself_NeedsABaseThatBuildsMayUse_AndNoListOfExtensions(ImageKind kind)
    {
        TenantRefusal? Check(string[] builders, string[] runs, string[] extensions, string target = "registry.example/extended") => TenantPolicy.Check(
            "red", new TenantSettings { AllowedBuilders = builders, AllowedRunImages = runs, AllowedExtensions = extensions }, Samples.Extension(kind, "FROM x\n") with { Targets = [target] });

        var (own, other) = (new[] { "registry.example/base" }, new[] { "registry.example/other" });
        Check([], [], []).ShouldBeNull();
        Check(kind == ImageKind.Build ? own : other, kind == ImageKind.Run ? own : other, []).ShouldBeNull();
        Check(kind == ImageKind.Build ? other : own, kind == ImageKind.Run ? other : own, [])!.Errors.Keys.ShouldBe(["extension.base"]);
        Check([], [], ["samples/tools"])!.Errors.Keys.ShouldBe(["extension"]);
        Check([], [], [], "registry.example/base")!.Errors.Keys.ShouldBe(["image"]);
    }

    [Fact]
    public void Rebase_OnTheRunImageThatTheLabelNames_NeedsATenantThatMayUseAny()
    {
        TenantPolicy.Check("red", new TenantSettings { AllowedBuilders = ["registry.example/builder"] }, Samples.Rebase()).ShouldBeNull();
        var chosen = new TenantSettings { AllowedRunImages = ["registry.example/run"] };
        TenantPolicy.Check("red", chosen, Samples.Rebase())!.Errors.Keys.ShouldBe(["runImage"]);
        TenantPolicy.Check("red", chosen, Samples.Rebase() with { RunImage = "registry.example/run:2" }).ShouldBeNull();
        TenantPolicy.Check("red", chosen, Samples.Rebase() with { RunImage = "registry.example/other" })!.Errors.Keys.ShouldBe(["runImage"]);
    }

    [Fact]
    public void Image_WithTheNameOfItsBuilder_IsRefused() => Request(new TenantSettings(), targets: ["registry.example/builder:1"])!.Errors.Keys.ShouldBe(["image"]);

    [Fact]
    public void Place_ThatIsNoRegistry_IsInNoListOfRegistries()
    {
        Request(new TenantSettings { AllowedBuilders = ["registry.example/builder"] }, builder: "oci:/tmp/x:1").ShouldNotBeNull();
        Request(new TenantSettings(), builder: "oci:/tmp/x:1").ShouldBeNull();
    }

    [Theory]
    [InlineData("samples/tools", true)]
    [InlineData("samples/tools@1.0", true)]
    [InlineData("samples/tools@2.0", false)]
    [InlineData("samples/tool", false)]
    [InlineData("samples/tools@sha256:0000000000000000000000000000000000000000000000000000000000000001", true)]
    [InlineData("samples/tools@sha256:0000000000000000000000000000000000000000000000000000000000000002", false)]
    public void Extension_IsAllowedByIdVersionOrTheDigestOfItsLayer(string allowed, bool expected)
    {
        const string Label = """{"samples/tools":{"1.0":{"api":"0.10","layerDiffID":"sha256:0000000000000000000000000000000000000000000000000000000000000001"}}}""";
        var analyzed = Samples.Analyzed() with { Builder = Samples.Image("builder", labels: new Dictionary<string, string> { ["io.buildpacks.extension.layers"] = Label }) };

        var refusal = TenantPolicy.Check("red", new TenantSettings { AllowedExtensions = [allowed] }, analyzed, Samples.Detection() with { Analyzed = analyzed });

        (refusal is null).ShouldBe(expected);
        refusal?.Errors["extensions"].Single().ShouldContain("samples/tools@1.0 (sha256:0000000000000000000000000000000000000000000000000000000000000001)");
    }

    [Theory]
    [InlineData(null)]
    [InlineData("no json")]
    [InlineData("[]")]
    public void Extension_OfABuilderWhoseLabelTellsNothing_HasNoDigest(string? label)
    {
        var analyzed = Samples.Analyzed() with { Builder = Samples.Image("builder", labels: label is null ? null : new Dictionary<string, string> { ["io.buildpacks.extension.layers"] = label }) };
        var settings = new TenantSettings { AllowedExtensions = ["samples/tools@sha256:0000000000000000000000000000000000000000000000000000000000000001"] };

        TenantPolicy.Check("red", settings, analyzed, Samples.Detection() with { Analyzed = analyzed })!.Message.ShouldContain("of no known digest");
    }

    [Fact]
    public void RunImage_ToWhichAnExtensionSwitches_MustBeAllowed()
    {
        var detection = Samples.Detection() with { Analyzed = Samples.Analyzed(runImage: "other") };

        TenantPolicy.Check("red", new TenantSettings { AllowedRunImages = ["registry.example/run"] }, Samples.Analyzed(), detection)!.Errors.Keys.ShouldBe(["runImage"]);
        TenantPolicy.Check("red", new TenantSettings { AllowedRunImages = ["registry.example/other"] }, Samples.Analyzed(), detection).ShouldBeNull();
        // The builder's own comes with the builder.
        TenantPolicy.Check("red", new TenantSettings { AllowedRunImages = ["registry.example/other"] }, Samples.Analyzed(), Samples.Detection()).ShouldBeNull();
    }

    [Fact]
    public void Minutes_AreBoundedByTheMonth()
    {
        var settings = new TenantSettings { MaxBuildMinutes = 10 };

        TenantPolicy.Check("red", settings, new TenantUsage(599, 3), Now).ShouldBeNull();
        TenantPolicy.Check("red", new TenantSettings(), new TenantUsage(1e9, 3), Now).ShouldBeNull();
        var refusal = TenantPolicy.Check("red", settings, new TenantUsage(600, 3), Now)!;
        refusal.Code.ShouldBe("quota-exceeded");
        refusal.Message.ShouldContain("10 of the 10 minutes");
        refusal.Message.ShouldContain("2027-01-01");
    }
}
