using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Grains.Tests;

namespace Grid.Dashboard.Tests;

/// <summary>What members of a tenant see.</summary>
public sealed class TenantPageTests : IAsyncLifetime
{
    private readonly PagesUnderTest _pages = new();

    public ValueTask InitializeAsync() => _pages.InitializeAsync();

    public ValueTask DisposeAsync() => _pages.DisposeAsync();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Overview_ShowsWhatRuns_WhatWaitsAndWhy_AndWhatFailed()
    {
        var client = await _pages.BuilderAsync();
        _pages.Grid.Node.Script = item => item is DetectWork ? new Failure(20, "no group of buildpacks passed detection") { Phase = Phase.Detect } : null;
        var failed = await _pages.BuildAsync(client, "broken");
        _pages.Grid.Node.Script = _ => null;
        _pages.Grid.Node.Holds = item => item is AnalyzeWork;
        var running = await _pages.SubmitAsync(client, "first");
        var waiting = await _pages.SubmitAsync(client, "first");
        await _pages.Grid.Node.StartedAsync<AnalyzeWork>(w => w.BuildKey == $"red/{running.Id}");
        waiting.State.ShouldBe(BuildState.Queued);

        var page = await _pages.PageAsync("/tenants/red", await _pages.TokenAsync("red", Role.Viewer));

        page.GetElementById("part-running")!.TextContent.ShouldContain("first");
        page.GetElementById("part-running")!.TextContent.ShouldContain("node-1");
        var row = page.GetElementById("part-waiting")!.QuerySelector("tbody tr")!;
        row.Children.Select(c => c.TextContent.Trim()).ToList()[..3].ShouldBe(["1", $"{waiting.Id[^8..]} first", $"build red/{running.Id} of the same app runs"]);
        page.GetElementById("part-failures")!.TextContent.ShouldContain("no group of buildpacks passed detection");
        page.QuerySelector($"#part-failures a[href='/tenants/red/builds/{failed.Id}']").ShouldNotBeNull();
        page.QuerySelectorAll("#part-builds tbody tr").Length.ShouldBe(3);
        page.QuerySelectorAll("#part-apps li").Select(l => l.TextContent.Trim()).ShouldBe(["broken", "first"]);
        page.Body!.GetAttribute("data-live")!.ShouldStartWith("/v1/tenants/red/queue/events?known=");
        // Of a waiting build its own page says the same.
        (await _pages.PageAsync($"/tenants/red/builds/{waiting.Id}", await _pages.TokenAsync("red", Role.Viewer))).QuerySelector(".notice")!.TextContent
            .ShouldStartWith($"Number 1 in the queue: build red/{running.Id} of the same app runs.");
    }

    [Fact]
    public async Task Build_ShowsGroupPlanDockerfilesWithSteps_AndLayersByOrigin()
    {
        _pages.Grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, "ARG base_image\nFROM ${base_image}\nRUN install tools\n"));
        var build = await _pages.BuildAsync(await _pages.BuilderAsync(), "whole");
        build.State.ShouldBe(BuildState.Succeeded);

        var page = await _pages.PageAsync($"/tenants/red/builds/{build.Id}", await _pages.TokenAsync("red", Role.Viewer));

        page.GetElementById("part-detected")!.TextContent.ShouldContain("samples/app 1.0");
        var lines = page.QuerySelectorAll("#part-dockerfiles table.lines tbody tr");
        lines.Select(l => l.QuerySelector("code")!.TextContent).ShouldBe(["ARG base_image", "FROM ${base_image}", "RUN install tools"]);
        lines[2].ClassName.ShouldBe("done");
        lines[2].QuerySelector(".became")!.TextContent.ShouldStartWith("ran ");
        page.QuerySelectorAll("#part-layers tbody tr").Select(r => r.Children[0].TextContent.Trim()).ShouldBe(["base", "extension", "app"]);
        page.QuerySelector("[data-build]")!.HasAttribute("data-ended").ShouldBeTrue();
        // A viewer looks on.
        page.QuerySelectorAll("main form").ShouldBeEmpty();
    }

    [Fact]
    public async Task Build_IsCancelledAndBuiltAgainFromItsPage_ByBuilders()
    {
        var client = await _pages.BuilderAsync();
        var token = await _pages.TokenAsync("red", Role.Builder);
        _pages.Grid.Node.Holds = item => item is AnalyzeWork;
        var build = await _pages.SubmitAsync(client, "stopped");
        var form = (await _pages.PageAsync($"/tenants/red/builds/{build.Id}", token)).QuerySelector("main form")!;

        (await _pages.PostAsync(form, token)).ShouldEndWith($"/tenants/red/builds/{build.Id}");
        (await _pages.Grid.EndAsync($"red/{build.Id}")).State.ShouldBe(BuildState.Cancelled);

        var again = await _pages.PostAsync((await _pages.PageAsync($"/tenants/red/builds/{build.Id}", token)).QuerySelector("main form")!, token);
        again.ShouldNotEndWith(build.Id);
        (await client.ListBuildsAsync("red", "stopped", null, 10, Stop)).Items.Select(b => b.Id).ShouldContain(again.Split('/')[^1]);
    }

    [Fact]
    public async Task Compare_SaysWhatChangedAndWhatItCost()
    {
        var client = await _pages.BuilderAsync();
        Task<BuildResource> WithAsync(string text)
        {
            _pages.Grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, $"ARG base_image\nFROM ${{base_image}}\nRUN {text}\n"));
            return _pages.BuildAsync(client, "compared");
        }

        var (one, two, three) = (await WithAsync("one"), await WithAsync("one"), await WithAsync("two"));
        var token = await _pages.TokenAsync("red", Role.Viewer);

        var spared = await _pages.PageAsync($"/tenants/red/compare?one={one.Id}&other={two.Id}", token);
        spared.QuerySelector(".summary")!.TextContent.ShouldContain("A step that the first ran came from the cache");
        spared.QuerySelectorAll("tr.changed th").Select(h => h.TextContent).ShouldContain(t => t.Contains("RUN one", StringComparison.Ordinal));

        var changed = await _pages.PageAsync($"/tenants/red/compare?one={two.Id}&other={three.Id}", token);
        changed.QuerySelectorAll("tr.changed").Select(r => r.TextContent).ShouldContain(t => t.Contains("RUN two", StringComparison.Ordinal) && t.Contains("not there", StringComparison.Ordinal));
        var history = await _pages.PageAsync("/tenants/red/apps?name=compared", token);
        history.QuerySelectorAll("#part-history tbody tr").Length.ShouldBe(3);
        history.QuerySelectorAll("select[name=one] option").Length.ShouldBe(3);
    }

    [Fact]
    public async Task Builds_HavePages()
    {
        var client = await _pages.BuilderAsync();
        var builds = new List<string>();
        for (var n = 0; n < 52; n++)
            builds.Add((await _pages.BuildAsync(client, "many")).Id);
        var token = await _pages.TokenAsync("red", Role.Viewer);

        var first = await _pages.PageAsync("/tenants/red/builds", token);
        first.QuerySelectorAll("table.builds tbody tr").Length.ShouldBe(50);
        var second = await _pages.PageAsync(first.QuerySelector("a[rel=next]")!.GetAttribute("href")!, token);
        second.QuerySelectorAll("table.builds tbody tr td:nth-child(2)").Select(c => c.TextContent.Trim()).ShouldBe([builds[1][^8..], builds[0][^8..]]);
        second.QuerySelector("a[rel=next]").ShouldBeNull();
    }

    [Fact]
    public async Task Settings_ShowQuotasAndPolicyToAll_KeysAndNamesOfSecretsToAdmins_AndNoSecret()
    {
        await _pages.Operator.SetTenantAsync("red", new TenantSettingsResource { MaxRunningBuilds = 4, MaxBuildMinutes = 90, AllowedBuilders = ["registry.example/builder"], Environment = new Dictionary<string, string> { ["BP_NODE_VERSION"] = "20" } }, Stop);
        var admin = await _pages.AsAsync("red", Role.Admin);
        await admin.SetSecretAsync("red", "npm-token", new SecretRequest { Value = "hidden-value" }, Stop);

        var seen = (await _pages.PageAsync("/tenants/red/settings", await _pages.TokenAsync("red", Role.Viewer))).Body!.TextContent;
        seen.ShouldContain("registry.example/builder");
        seen.ShouldContain("BP_NODE_VERSION");
        seen.ShouldContain("90");
        seen.ShouldNotContain("npm-token");

        var all = (await _pages.PageAsync("/tenants/red/settings", await _pages.TokenAsync("red", Role.Admin))).DocumentElement.OuterHtml;
        all.ShouldContain("npm-token");
        all.ShouldContain("red Admin");
        all.ShouldContain("SetSecret");
        all.ShouldNotContain("hidden-value");
    }
}
