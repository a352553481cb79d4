using System.Diagnostics;
using System.Globalization;
using Grid.Client;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;

namespace Grid.Dashboard.Tests;

/// <summary>
/// Pages of a tenant with very many builds. The ordinary run has a few pages of them; GRID_TEST_BUILDS=10000 has as many as the design asks for, and the output has what pages took.
/// </summary>
public sealed class ManyBuildsTests(PagesUnderTest pages, ITestOutputHelper output) : IClassFixture<PagesUnderTest>
{
    private const int AtOnce = 8;
    private const int Whole = 60;
    private const int Most = 100 * 1024;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Pages_HaveABoundedSize_HoweverManyBuildsThereAre()
    {
        var count = int.Parse(Environment.GetEnvironmentVariable("GRID_TEST_BUILDS") ?? "120", CultureInfo.InvariantCulture);
        var client = await pages.BuilderAsync();
        // The source is sent once.
        await pages.BuildAsync(client, "app-0");
        // Most end early, which takes less time here; pages show the newest, which are whole.
        pages.Grid.Node.Script = item => item is AnalyzeWork ? new Failure(1, "the builder cannot be read") { Phase = Phase.Analyze } : null;
        await BuildAsync(client, 1, count - Whole);
        pages.Grid.Node.Script = _ => null;
        await BuildAsync(client, count - Whole, count);
        var token = await pages.TokenAsync("red", Role.Viewer);
        var first = await pages.PageAsync("/tenants/red/builds", token);
        var last = (await client.ListBuildsAsync("red", null, null, 1, Stop)).Items.Single().Id;

        output.WriteLine($"{count} builds; per page: after all activations were let go, then the median of five");
        foreach (var path in new[] { "/tenants/red", "/tenants/red/builds", first.QuerySelector("a[rel=next]")!.GetAttribute("href")!, "/tenants/red/apps?name=app-7", $"/tenants/red/builds/{last}", "/tenants/red/settings" })
        {
            await pages.Grid.Grains.GetGrain<IManagementGrain>(0).ForceActivationCollection(TimeSpan.Zero);
            var cold = await TimeAsync(path, token);
            var warm = new List<double>();
            for (var n = 0; n < 5; n++)
                warm.Add(await TimeAsync(path, token));
            var size = (await pages.PageAsync(path, token)).DocumentElement.OuterHtml.Length;
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{path.Split("after=")[0],-80} {cold,8:0.0} ms {warm.Order().ElementAt(2),8:0.0} ms {size / 1024.0,6:0.0} KiB"));
            size.ShouldBeLessThan(Most, path);
        }
    }

    private Task BuildAsync(GridClient client, int from, int to) => Parallel.ForAsync(from, to, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = Stop },
        async (n, _) => await pages.BuildAsync(client, $"app-{n % 100}"));

    private async Task<double> TimeAsync(string path, string token)
    {
        var http = pages.Http(token);
        var start = Stopwatch.GetTimestamp();
        await http.GetStringAsync(new Uri(path.TrimStart('/'), UriKind.Relative), Stop);
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }
}
