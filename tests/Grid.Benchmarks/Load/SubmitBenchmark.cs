using Grid.Benchmarks.Orchestration;
using Grid.Client;

namespace Grid.Benchmarks.Load;

/// <summary>Many tenants that submit builds at the same time, each one after the other.</summary>
internal static class SubmitBenchmark
{
    public static async Task<Figures> RunAsync(int tenants, int submits, CancellationToken cancellationToken)
    {
        await using var api = await LoadedApi.StartAsync();
        var clients = new List<(string Tenant, GridClient Client)>();
        for (var n = 0; n < tenants; n++)
            clients.Add(($"tenant{n}", (await api.AddTenantAsync($"tenant{n}")).Client));
        // So that everything has been compiled.
        await SubmitAsync(clients[0].Tenant, clients[0].Client, 50, [], cancellationToken);
        var times = new List<TimeSpan>();
        var begin = TimeProvider.System.GetTimestamp();
        await Task.WhenAll(clients.Select(c => SubmitAsync(c.Tenant, c.Client, submits, times, cancellationToken)));
        var took = TimeProvider.System.GetElapsedTime(begin);
        var figures = new Figures($"{tenants} tenants submit {submits} builds each", "submits a second", "p50", "p99", "longest");
        figures.Add("until the answer 202", $"{times.Count / took.TotalSeconds:0}", Figures.Of(times, 0.5), Figures.Of(times, 0.99), Figures.Of(times.Max()));
        return figures;
    }

    private static async Task SubmitAsync(string tenant, GridClient client, int count, List<TimeSpan> times, CancellationToken cancellationToken)
    {
        for (var n = 0; n < count; n++)
        {
            var begin = TimeProvider.System.GetTimestamp();
            await client.SubmitBuildAsync(tenant, LoadedApi.Submission($"app{n % 10}"), Guid.NewGuid().ToString(), cancellationToken);
            lock (times)
                times.Add(TimeProvider.System.GetElapsedTime(begin));
        }
    }
}
