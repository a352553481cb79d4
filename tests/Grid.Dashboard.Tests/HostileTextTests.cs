using AngleSharp.Dom;
using Grid.Buildpacks;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;
using Grid.Grains.Tests;
using Grid.Lifecycle.Export;

namespace Grid.Dashboard.Tests;

/// <summary>Names, Dockerfiles, failures and settings come from people who want to do harm: pages show them and do nothing with them.</summary>
public sealed class HostileTextTests(PagesUnderTest pages) : IClassFixture<PagesUnderTest>
{
    private const string Evil = "\"'><script>alert(1)</script><img src=x onerror=alert(2)><a href=\"javascript:alert(3)\">x</a>";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_a_build_says_is_text_on_every_page()
    {
        var client = await pages.BuilderAsync();
        await pages.Operator.SetTenantAsync("red", new TenantSettingsResource { Environment = new Dictionary<string, string> { ["EVIL"] = Evil }, AllowedExtensions = [] }, Stop);
        await pages.Operator.CreateKeyAsync("red", new ApiKeyRequest { Name = Evil, Role = Role.Viewer }, Stop);
        pages.Grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, $"ARG base_image\nFROM ${{base_image}}\nRUN echo {Evil} \u001b[31m\u202e\n", Evil, new BuildArg("evil", Evil))) with
        {
            Group = new Group([new GroupElement(ModuleKind.Buildpack, Evil, Evil, "0.12")], [new GroupElement(ModuleKind.Extension, Evil, Evil, "0.12")]),
            Plan = new BuildPlan([new PlanEntry([new PlanProvider(Evil, Evil)], [new PlanRequire(Evil) { MetadataToml = $"evil = '''{Evil}'''" }])]),
        };
        pages.Grid.Node.Script = item => item is BuildWork ? new BuildDone(Samples.App() with { Layers = [new PackedLayer(Evil, Evil, Samples.LayerOf("evil"))] }) : null;
        var made = await pages.BuildAsync(client, "hostile");
        made.State.ShouldBe(BuildState.Succeeded);
        pages.Grid.Node.Script = item => item is BuildWork ? new Failure(51, Evil) { Phase = Phase.Build, Output = Evil + "\u001b]8;;http://evil.example\u0007click\u001b]8;;\u0007" } : null;
        var failed = await pages.BuildAsync(client, "hostile");
        failed.State.ShouldBe(BuildState.Failed);

        foreach (var (path, isShown) in new[]
        {
            ("/", true), ("/tenants/red", true), ("/tenants/red/builds", true), ("/tenants/red/apps", false), ("/tenants/red/apps?name=hostile", true), ("/tenants/red/settings", true),
            ($"/tenants/red/builds/{made.Id}", true), ($"/tenants/red/builds/{failed.Id}", true), ($"/tenants/red/compare?one={made.Id}&other={failed.Id}", true),
            ("/pools/default/queue", false), ("/pools/default/nodes", false), ($"/signin?return={Uri.EscapeDataString("/" + Evil)}", false),
        })
            Check(await pages.PageAsync(path, pages.OperatorToken), path, isShown);
    }

    private static void Check(IDocument page, string path, bool isShown)
    {
        page.QuerySelectorAll("script").ShouldAllBe(s => s.GetAttribute("src")!.StartsWith("/assets/", StringComparison.Ordinal) && s.TextContent.Length == 0, path);
        page.QuerySelectorAll("img, iframe, object, embed, base, style, meta[http-equiv]").ShouldBeEmpty(path);
        page.All.SelectMany(e => e.Attributes).Where(a => a.Name.StartsWith("on", StringComparison.OrdinalIgnoreCase) || a.Name == "style").ShouldBeEmpty(path);
        page.QuerySelectorAll("[href]").Select(e => e.GetAttribute("href")!).ShouldAllBe(h => h.StartsWith('/') || h.StartsWith('#') || h == "data:,", path);
        page.QuerySelectorAll("form[action]").ShouldAllBe(f => f.GetAttribute("action")!.StartsWith('/'), path);
        if (isShown)
            page.Body!.TextContent.ShouldContain("<script>alert(1)</script>", Case.Sensitive, path);
        page.Body!.TextContent.ShouldNotContain("\u001b", Case.Sensitive, path);
        page.Body.TextContent.ShouldNotContain("\u202e", Case.Sensitive, path);
    }
}
