using System.Diagnostics;

namespace Grid.Benchmarks.Orchestration;

/// <summary>How a queue behaves that many builds wait in, and what a large tenant costs the small ones.</summary>
internal static class QueueBenchmark
{
    /// <summary>Longer than the period at which waiting builds ask again.</summary>
    private static readonly TimeSpan Rest = TimeSpan.FromSeconds(65);

    /// <summary>Fills a queue to each depth, lets it rest, and lets builds of it run.</summary>
    public static async Task<Figures> DepthAsync(int[] depths, CancellationToken cancellationToken)
    {
        var figures = new Figures("A queue that many builds wait in, one silo", "submit p50", "submit p99", "memory a waiting build", "processor while they wait", "time for a build's turn");
        foreach (var depth in depths)
        {
            foreach (var tenants in (int[])[1, depth])
                await AddAsync(figures, depth, tenants, cancellationToken);
        }
        return figures;
    }

    private static async Task AddAsync(Figures figures, int depth, int tenants, CancellationToken cancellationToken)
    {
        await using var grid = await SimulatedGrid.StartAsync(silos: 1, slots: 8, BuildShape.Plain);
        for (var n = 0; n < 200; n++)
            await grid.EndAsync((await grid.SubmitAsync("warm")).Key);
        await grid.SetSlotsAsync(0);
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var builds = new List<(string Key, TimeSpan Took)>();
        for (var n = 0; n < depth; n++)
            builds.Add(await grid.SubmitAsync($"tenant{n % tenants}"));
        var memory = (double)(GC.GetTotalMemory(forceFullCollection: true) - before) / depth;
        using var self = Process.GetCurrentProcess();
        var processor = self.TotalProcessorTime;
        await Task.Delay(Rest, TimeProvider.System, cancellationToken);
        self.Refresh();
        var load = (self.TotalProcessorTime - processor) / Rest;
        var ended = grid.Clock.Ended;
        var begin = TimeProvider.System.GetTimestamp();
        await grid.SetSlotsAsync(8);
        var turns = Math.Min(depth, 500);
        while (grid.Clock.Ended < ended + turns)
            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, cancellationToken);
        var last = builds.TakeLast(100).Select(b => b.Took).ToList();
        figures.Add($"{depth}, {(tenants == 1 ? "of one tenant" : "of as many tenants")}", Figures.Of(last, 0.5), Figures.Of(last, 0.99), Figures.OfBytes(memory), $"{load:P1}",
            Figures.Of(TimeProvider.System.GetElapsedTime(begin) / turns));
    }

    /// <summary>design.md §10: 2,000 builds of one tenant and 199 tenants with one each; waits of the small ones, alone and beside the large one.</summary>
    public static async Task<Figures> FairnessAsync(int large, int small, TimeSpan work)
    {
        var figures = new Figures($"{small} tenants with one build each, 5 nodes with 4 slots, work of {Figures.Of(work)} a build", "p50 wait", "p99 wait");
        var alone = await SmallTenantsWaitAsync(0, small, work);
        var beside = await SmallTenantsWaitAsync(large, small, work);
        figures.Add("alone", Figures.Of(alone, 0.5), Figures.Of(alone, 0.99));
        figures.Add($"beside {large} builds of one tenant", Figures.Of(beside, 0.5), Figures.Of(beside, 0.99));
        figures.Add("ratio (bar: 2)", Ratio(0.5), Ratio(0.99));
        return figures;

        string Ratio(double percentile) => $"{Figures.Percentile(beside, percentile) / Figures.Percentile(alone, percentile):0.00}";
    }

    private static async Task<List<TimeSpan>> SmallTenantsWaitAsync(int large, int small, TimeSpan work)
    {
        await using var grid = await SimulatedGrid.StartAsync(silos: 5, slots: 4, BuildShape.Plain with { Work = work });
        // Everything compiled, and as many builds running as can, in both cases: else the first tenants would find an empty grid in one of them.
        await Task.WhenAll(Enumerable.Range(0, 40).Select(async n => await grid.EndAsync((await grid.SubmitAsync($"warm{n}")).Key)));
        for (var n = 0; n < large; n++)
            await grid.SubmitAsync("large");
        var keys = await Task.WhenAll(Enumerable.Range(0, small).Select(n => grid.SubmitAsync($"small{n}")));
        var waits = await Task.WhenAll(keys.Select(k => grid.StartAsync(k.Key)));
        return [.. waits];
    }
}
