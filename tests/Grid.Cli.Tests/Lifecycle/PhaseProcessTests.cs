namespace Grid.Cli.Tests.Lifecycle;

/// <summary>What all phases have in common, by the executable.</summary>
public sealed class PhaseProcessTests
{
    private static Task<GridResult> RunAsync(string program, string[] arguments, string? api = "0.13", string directory = "/") => GridProcess.RunAsync(
        program, arguments, api is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["CNB_PLATFORM_API"] = api }, user: 0, directory);

    private static Task<GridResult> RunAsync(string[] arguments, string? api = "0.13") => RunAsync(GridProcess.Path, ["lifecycle", .. arguments], api);

    [Theory]
    [InlineData(null, "please set 'CNB_PLATFORM_API'")]
    [InlineData("", "please set 'CNB_PLATFORM_API'")]
    [InlineData("0.6", "is incompatible with the lifecycle")]
    [InlineData("0.16", "is incompatible with the lifecycle")]
    [InlineData("latest", "parse platform API")]
    [Spec("platform/api.first", "platform/api.unsupported")]
    public async Task PlatformApi_IsLookedAtFirst(string? api, string message)
    {
        var result = await RunAsync(["builder", "-no-such-flag"], api);

        result.ExitCode.ShouldBe(11);
        result.Output.ShouldContain(message);
    }

    [Theory]
    [InlineData("0.13", 2, "analyzer", "-no-such-flag")]
    [InlineData("0.11", 2, "detector", "-run", "/r.toml")]
    [InlineData("0.10", 2, "detector", "-build-config", "/b")]
    [InlineData("0.9", 2, "detector", "-extensions", "/e")]
    [InlineData("0.14", 2, "detector", "-system", "/s.toml")]
    [InlineData("0.11", 2, "extender", "-kind", "run")]
    [InlineData("0.13", 2, "restorer", "-run", "/r.toml")]
    [InlineData("0.13", 3, "detector", "more")]
    [InlineData("0.13", 3, "builder", "more")]
    [InlineData("0.13", 3, "restorer", "more")]
    [InlineData("0.13", 3, "analyzer")]
    [InlineData("0.13", 3, "analyzer", "-run-image", "r", "Upper")]
    [InlineData("0.13", 3, "analyzer", "-run-image", "r", "-tag", "two.example/b", "one.example/a")]
    [InlineData("0.13", 3, "creator")]
    [InlineData("0.13", 1, "detector", "-log-level", "loud")]
    [InlineData("0.13", 1, "detector")]
    [InlineData("0.13", 1, "builder")]
    [InlineData("0.13", 0, "detector", "-version")]
    [InlineData("0.13", 0, "detector", "-help")]
    [Spec("platform/analyze.image-valid", "platform/analyze.tag-registry")]
    public async Task WhatAPlatformGetsWrong_HasTheSpecificationsExitCode(string api, int exitCode, params string[] arguments)
    {
        var result = await RunAsync(arguments, api);

        result.ExitCode.ShouldBe(exitCode, result.Output + result.Error);
    }

    [Fact]
    public async Task DetectorAndBuilder_RefuseRoot()
    {
        Assert.SkipUnless(Environment.UserName == "root", "needs root to be refused");
        foreach (var phase in new[] { "detector", "builder" })
            (await RunAsync([phase])).Output.ShouldContain("refusing to run as root");
    }

    [Fact]
    public async Task LinkWithAPhasesName_IsThePhase()
    {
        using var place = new TemporaryDirectory();
        File.CreateSymbolicLink(place.Path + "/rebaser", GridProcess.Path);
        File.CreateSymbolicLink(place.Path + "/lifecycle", GridProcess.Path);

        (await RunAsync(place.Path + "/rebaser", ["-help"])).Output.ShouldContain("Usage of rebaser");
        (await RunAsync(place.Path + "/lifecycle", ["detect", "-help"])).Output.ShouldContain("Usage of detector");
    }

    [Fact]
    public async Task UnknownPhase_IsNamed()
    {
        var result = await RunAsync(["polisher"]);

        result.ExitCode.ShouldBe(3);
        result.Error.ShouldContain("there is no phase 'polisher'");
    }

    [Fact]
    public async Task Phase_NeedsNoHomeAndNoWritableDirectory()
    {
        GridProcess.SkipUnlessUsable();
        var result = await GridProcess.RunAsync(
            GridProcess.Path, ["lifecycle", "detector"], new Dictionary<string, string> { ["CNB_PLATFORM_API"] = "0.13" }, user: 1001, "/");

        result.ExitCode.ShouldBe(1);
        result.Output.ShouldContain("reading order: there is no /cnb/order.toml");
        result.Error.ShouldBeEmpty();
    }
}
