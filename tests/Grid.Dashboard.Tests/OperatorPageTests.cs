using System.Net.ServerSentEvents;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;

namespace Grid.Dashboard.Tests;

/// <summary>What who runs the grid sees, and how a page hears that it is no longer what it shows.</summary>
public sealed class OperatorPageTests : IAsyncLifetime
{
    private readonly PagesUnderTest _pages = new();

    public ValueTask InitializeAsync() => _pages.InitializeAsync();

    public ValueTask DisposeAsync() => _pages.DisposeAsync();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task HoldAsync(int builds)
    {
        _pages.Grid.Node.Holds = item => item is AnalyzeWork;
        var client = await _pages.BuilderAsync();
        for (var n = 0; n < builds; n++)
            await _pages.SubmitAsync(client, $"app-{n}");
    }

    [Fact]
    public async Task Grid_Queue_And_Nodes_ShowWhatRunsWhereAndWhatWaitsWhy()
    {
        await HoldAsync(3);

        var grid = await _pages.PageAsync("/", _pages.OperatorToken);
        grid.GetElementById("figures")!.TextContent.ShouldContain("2 of 2");
        grid.QuerySelectorAll("#part-tenants tbody tr td:first-child").Select(c => c.TextContent.Trim()).ShouldBe(["blue", "default", "red"]);

        var queue = await _pages.PageAsync("/pools/default/queue", _pages.OperatorToken);
        queue.QuerySelector("#part-tenants tbody tr")!.Children.Select(c => c.TextContent.Trim()).ToList()[..4].ShouldBe(["red", "2 of no bound", "1 of no bound", "1"]);
        queue.QuerySelector("#part-waiting tbody tr")!.TextContent.ShouldContain("all 2 slots of 1 node are taken");
        queue.QuerySelectorAll("#part-running tbody tr").Length.ShouldBe(2);
        queue.QuerySelector("#part-pools tbody tr")!.Children.Select(c => c.TextContent.Trim()).ShouldBe(["default", "1", "2", "2 of 2", "1"]);

        var nodes = await _pages.PageAsync("/pools/default/nodes", _pages.OperatorToken);
        nodes.QuerySelector(".slots")!.GetAttribute("aria-label").ShouldBe("2 of 2 slots taken");
        nodes.QuerySelectorAll(".node tbody tr").Length.ShouldBe(2);
        nodes.QuerySelector("#part-pools tbody a")!.GetAttribute("href").ShouldBe("/pools/default/nodes");
        (await _pages.PageAsync("/pools/default/nodes/node-1", _pages.OperatorToken)).QuerySelector("h1")!.TextContent.ShouldBe("Node node-1");
    }

    [Fact]
    public async Task Drain_FromTheNodesPage_HoldsUntilItIsTakenBack()
    {
        async Task PressAsync(string button)
        {
            var form = (await _pages.PageAsync("/pools/default/nodes", _pages.OperatorToken)).QuerySelector(".node form")!;
            form.QuerySelector("button")!.TextContent.ShouldStartWith(button);
            (await _pages.PostAsync(form, _pages.OperatorToken)).ShouldBe("/pools/default/nodes");
        }

        await PressAsync("Drain");
        (await _pages.Operator.ListNodesAsync("default", Stop)).Items.Single().Draining.ShouldBeTrue();
        await PressAsync("Give it builds again");
        (await _pages.Operator.ListNodesAsync("default", Stop)).Items.Single().Draining.ShouldBeFalse();
    }

    [Fact]
    public async Task A_page_is_told_when_it_is_no_longer_what_it_shows()
    {
        var token = await _pages.TokenAsync("red", Role.Viewer);
        foreach (var (path, reader) in new[] { ("/tenants/red", token), ("/pools/default/nodes", _pages.OperatorToken) })
        {
            var known = (await _pages.PageAsync(path, reader)).Body!.GetAttribute("data-live")!;
            await using var news = await _pages.Http(reader).GetStreamAsync(new Uri(known.TrimStart('/'), UriKind.Relative), Stop);
            await HoldAsync(1);

            // What came before the build may be news too, as that an earlier one has ended.
            var item = await SseParser.Create(news).EnumerateAsync(Stop).FirstAsync(i => i.Data.Contains("red/", StringComparison.Ordinal), Stop);
            known.ShouldNotEndWith(item.EventId!);
            _pages.Grid.Node.Holds = _ => false;
            foreach (var held in _pages.Grid.Node.Started.OfType<AnalyzeWork>().ToList())
            {
                _pages.Grid.Node.Finish(held);
                await _pages.Grid.EndAsync(held.BuildKey);
            }
        }
    }

    [Fact]
    public async Task Another_tenant_s_builds_are_no_news()
    {
        await HoldAsync(1);
        var blue = await _pages.AsAsync("blue", Role.Viewer);
        (await blue.GetTenantQueueAsync("blue", Stop)).Running.ShouldBeEmpty();
        (await (await _pages.AsAsync("red", Role.Viewer)).GetTenantQueueAsync("red", Stop)).Running.Count.ShouldBe(1);
    }
}
