using System.Globalization;
using Grid.Benchmarks.Orchestration;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;

namespace Grid.Benchmarks.Load;

/// <summary>A build that writes a large log while many read it over HTTP: most as fast as they can, some slowly, and some that go away in the middle.</summary>
internal static class LogBenchmark
{
    private const string Tenant = "load";

    /// <summary>Output comes in pieces of some lines, as a pipe gives it.</summary>
    private static readonly string Piece = string.Concat(Enumerable.Range(0, 20).Select(n => $"[{n:00}] " + new string((char)('a' + n), 94) + "\n"));

    public static async Task<Figures> RunAsync(int readers, int megabytes, CancellationToken cancellationToken)
    {
        var figures = new Figures($"A build writes {megabytes} MB of log", "the build waits for its journal", "longest wait", "readers have all of it after", "memory at most", "requests left over");
        foreach (var (name, whole, slow, gone) in new[]
        {
            ("nobody reads", 0, 0, 0),
            ($"{readers / 8} slow readers and {readers / 8} that go away", 0, readers / 8, readers / 8),
            ($"{readers} readers, of them {readers / 8} slow and {readers / 8} that go away", readers - (2 * (readers / 8)), readers / 8, readers / 8),
        })
        {
            await using var api = await LoadedApi.StartAsync();
            figures.Add(name, await RunAsync(api, whole, slow, gone, megabytes, cancellationToken));
        }
        return figures;
    }

    private static async Task<string[]> RunAsync(LoadedApi api, int whole, int slow, int gone, int megabytes, CancellationToken cancellationToken)
    {
        var (client, token) = await api.AddTenantAsync(Tenant);
        var build = (await client.SubmitBuildAsync(Tenant, LoadedApi.Submission("app"), "one", cancellationToken)).Id;
        var key = $"{Tenant}/{build}";
        var pieces = (int)(megabytes * 1_000_000L / Piece.Length);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var watch = new MemoryWatch();
        var path = new Uri($"v1/tenants/{Tenant}/builds/{build}/events", UriKind.Relative);
        var begin = TimeProvider.System.GetTimestamp();
        var complete = Enumerable.Range(0, whole).Select(_ => LogReader.ReadAllAsync(api.Http(token), path, over.Token)).ToList();
        var rest = Enumerable.Range(0, slow).Select(_ => LogReader.ReadSlowlyAsync(api.Http(token), path, over.Token))
            .Concat(Enumerable.Range(0, gone).Select(_ => LogReader.LeaveAsync(api.Http(token), path, 1_000_000, over.Token))).ToList();
        while (api.Requests < whole + slow + gone)
            await Task.Delay(5, cancellationToken);
        var (total, longest) = await Task.Run(() => Write(api.Journals, key, pieces), cancellationToken);
        var events = await Task.WhenAll(complete);
        var took = TimeProvider.System.GetElapsedTime(begin);
        if (events.Any(e => e != pieces + 1))
            throw new BenchmarkException($"a reader got {events.First(e => e != pieces + 1)} events of {pieces + 1}");
        await over.CancelAsync();
        await Task.WhenAll(rest);
        // Whoever is gone is no request any more, a moment later.
        for (var n = 0; n < 600 && api.Requests > 0; n++)
            await Task.Delay(50, cancellationToken);
        return [Figures.Of(total), Figures.Of(longest), whole == 0 ? "–" : Figures.Of(took), Figures.OfBytes(watch.Peak), api.Requests.ToString(CultureInfo.InvariantCulture)];
    }

    /// <summary>Writes as a phase's output is written; how long the one who writes had to wait.</summary>
    private static (TimeSpan Total, TimeSpan Longest) Write(IBuildEvents journals, string key, int pieces)
    {
        var (total, longest) = (TimeSpan.Zero, TimeSpan.Zero);
        for (var n = 0; n < pieces; n++)
            Append(new OutputWritten(Phase.Build, Piece, IsError: false) { At = DateTimeOffset.UnixEpoch });
        Append(new BuildFinished(BuildState.Succeeded, 0) { At = DateTimeOffset.UnixEpoch });
        return (total, longest);

        void Append(BuildEvent buildEvent)
        {
            var begin = TimeProvider.System.GetTimestamp();
            journals.Append(key, buildEvent);
            var took = TimeProvider.System.GetElapsedTime(begin);
            (total, longest) = (total + took, took > longest ? took : longest);
        }
    }
}
