using Grid.Contracts.Apps;
using Orleans.Runtime;

namespace Grid.Benchmarks.Orchestration;

/// <summary>What a build costs the grid when its work costs nothing.</summary>
internal static class OrchestrationBenchmark
{
    /// <summary>One build after the other: how long a build takes, and what is stored of it.</summary>
    public static async Task<IReadOnlyList<Figures>> OneByOneAsync(int builds)
    {
        var latency = new Figures("One build after the other on one silo, work of 0 ms", "p50", "p99", "state writes a build", "bytes written a build", "allocated a build");
        var writes = new Figures("State writes of a build, by record", BuildShape.Plain.Name, BuildShape.Extended.Name + ", cached", BuildShape.Extended.Name + ", run");
        var byRecord = new SortedDictionary<string, string[]>(StringComparer.Ordinal);
        BuildShape[] shapes = [BuildShape.Plain, BuildShape.Extended, BuildShape.Extended with { StepsAreNew = true }];
        for (var n = 0; n < shapes.Length; n++)
        {
            var shape = shapes[n];
            await using var grid = await SimulatedGrid.StartAsync(silos: 1, slots: 8, shape);
            // Long enough that everything has been compiled.
            await RunAsync(grid, Math.Max(20, builds / 2));
            grid.State.Reset();
            var allocated = GC.GetTotalAllocatedBytes(precise: true);
            var times = await RunAsync(grid, builds);
            allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
            latency.Add(shape.Name + (shape.StepsOfEach == 0 ? "" : shape.StepsAreNew ? ", every step runs" : ", every step cached"), Figures.Of(times, 0.5), Figures.Of(times, 0.99),
                $"{(double)grid.State.Writes / builds:0.0}", Figures.OfBytes((double)grid.State.Written.Values.Sum(w => w.Bytes) / builds), Figures.OfBytes((double)allocated / builds));
            foreach (var (record, sum) in grid.State.Written)
            {
                if (!byRecord.TryGetValue(record, out var row))
                    byRecord[record] = row = ["0", "0", "0"];
                row[n] = $"{(double)sum.Writes / builds:0.0}";
            }
        }
        foreach (var (record, row) in byRecord)
            writes.Add(record, row);
        return [latency, writes];
    }

    private static async Task<List<TimeSpan>> RunAsync(SimulatedGrid grid, int builds)
    {
        var times = new List<TimeSpan>();
        for (var n = 0; n < builds; n++)
            times.Add(await grid.EndAsync((await grid.SubmitAsync()).Key));
        return times;
    }

    /// <summary>Many builds at once: how many end in a minute.</summary>
    public static async Task<Figures> ThroughputAsync(int builds)
    {
        var figures = new Figures($"{builds} builds at once, work of 0 ms, 8 slots a silo", "builds a minute", "state writes a build", "memory a build, afterwards");
        foreach (var shape in (BuildShape[])[BuildShape.Plain, BuildShape.Extended])
        {
            foreach (var silos in (short[])[1, 3])
            {
                await using var grid = await SimulatedGrid.StartAsync(silos, slots: 8, shape);
                await RunAsync(grid, 100);
                grid.State.Reset();
                var before = GC.GetTotalMemory(forceFullCollection: true);
                var begin = TimeProvider.System.GetTimestamp();
                var keys = await Task.WhenAll(Enumerable.Range(0, builds).Select(n => grid.SubmitAsync($"tenant{n % 20}")));
                foreach (var (key, _) in keys)
                    await grid.EndAsync(key);
                var took = TimeProvider.System.GetElapsedTime(begin);
                var memory = GC.GetTotalMemory(forceFullCollection: true) - before;
                figures.Add($"{shape.Name}, {silos} silo{(silos == 1 ? "" : "s")}", $"{builds / took.TotalMinutes:0}", $"{(double)grid.State.Writes / builds:0.0}", Figures.OfBytes((double)memory / builds));
            }
        }
        return figures;
    }

    /// <summary>Apps that nobody builds: what they cost while they are active, and what is left of it.</summary>
    public static async Task<Figures> IdleAppsAsync(int apps)
    {
        await using var grid = await SimulatedGrid.StartAsync(silos: 1, slots: 8, BuildShape.Plain);
        var management = grid.Grains.GetGrain<IManagementGrain>(0);
        var figures = new Figures($"{apps} apps with a build each", "activations", "memory an app");
        for (var n = 0; n < apps; n++)
        {
            await grid.Grains.GetGrain<IAppGrain>($"tenant/idle{n}").PublishedAsync(new AppBuild
            {
                Summary = new AppBuildSummary($"tenant/{n}", new Contracts.Builds.PublishedImage("sha256:" + new string('a', 64), []), DateTimeOffset.UnixEpoch),
            });
        }
        await management.ForceActivationCollection(TimeSpan.Zero);
        var (resting, count) = (GC.GetTotalMemory(forceFullCollection: true), await management.GetTotalActivationCount());
        figures.Add("stored, nobody asks", $"{count}", "0");
        for (var n = 0; n < apps; n++)
            await grid.Grains.GetGrain<IAppGrain>($"tenant/idle{n}").GetAsync();
        figures.Add("each asked once", $"{await management.GetTotalActivationCount()}", Figures.OfBytes((double)(GC.GetTotalMemory(forceFullCollection: true) - resting) / apps));
        await management.ForceActivationCollection(TimeSpan.Zero);
        figures.Add("after they were collected", $"{await management.GetTotalActivationCount()}", Figures.OfBytes((double)(GC.GetTotalMemory(forceFullCollection: true) - resting) / apps));
        return figures;
    }
}
