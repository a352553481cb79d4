using System.Net;
using System.Net.Http.Headers;
using Grid.EndToEnd.Tests.Chaos;
using Grid.EndToEnd.Tests.Fixtures;

namespace Grid.EndToEnd.Tests.Telemetry;

/// <summary>What a receiver in a process of its own gets of a build on three nodes, and what Prometheus would read there.</summary>
public sealed class ClusterTelemetryTests(TestMachine machine)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_build_on_three_nodes_is_one_tree_without_gaps()
    {
        var bench = await machine.NewAsync();
        await using var receiver = await ReceiverProcess.StartAsync(Path.Combine(bench.Root, "received"));
        bench.Environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = receiver.Endpoints["grpc"];
        // Milliseconds: the test waits for what is sent.
        bench.Environment["OTEL_BSP_SCHEDULE_DELAY"] = bench.Environment["OTEL_BLRP_SCHEDULE_DELAY"] = "500";
        bench.Environment["OTEL_METRIC_EXPORT_INTERVAL"] = "1000";
        bench.Environment["GRID_TELEMETRY_METRICS_LISTEN"] = "127.0.0.1:0";
        await using var grid = await ChaosGrid.StartAsync(bench, NodeNetwork.Loopback(), pace: "0", Stop, probeTimeout: 20_000);
        while (!await grid.IsWholeAsync(Stop))
            await Task.Delay(TimeSpan.FromMilliseconds(50), Stop);
        bench.Environment["XDG_CONFIG_HOME"] = Path.Combine(bench.Root, "config");
        bench.Environment["GRID_SERVER"] = null;
        var key = Path.Combine(bench.Root, "operator-key");
        (await bench.GridAsync("login", grid.Nodes[0].Address!.ToString(), "--key-file", key)).ExitCode.ShouldBe(0);
        await File.WriteAllTextAsync(Path.Combine(bench.App, "source.txt"), "source\n", Stop);

        (await BuildRun.OfAsync(bench.Start("build", bench.App, "--builder", grid.Builder, "--image", $"{grid.Registry.Host}/canary-apps/canary-name:1", "--json"))).ShouldSucceed();
        var pages = await Task.WhenAll(grid.Nodes.Select(n => ScrapeAsync(n, File.ReadAllText(key).Trim())));
        await EventuallyAsync(() =>
        {
            var trace = TraceOf(receiver);
            // The command's process, and at least two nodes.
            trace.Select(s => s.Instance).Distinct().Count().ShouldBeGreaterThan(2);
            CheckLogs(receiver, trace);
            CheckMetrics(receiver, trace[0].TraceId);
        });
        // What comes later, and at the end of a process, makes no gap either.
        foreach (var node in grid.Nodes)
            (await node.StopAsync()).ShouldBe(0);
        TraceOf(receiver);
        pages.ShouldContain(page => page.Contains("grid_queue_wait_seconds_count{", StringComparison.Ordinal));
        pages.ShouldAllBe(page => page.Contains("dotnet_", StringComparison.Ordinal) && page.Contains("orleans_", StringComparison.Ordinal));
    }

    /// <summary>Tries until it holds, as what is sent comes when it comes; the last try says what is missing.</summary>
    private static async Task EventuallyAsync(Action check)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromMinutes(3));
        while (true)
        {
            try
            {
                check();
                return;
            }
            catch (ShouldAssertException) when (!patience.IsCancellationRequested)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200), Stop);
            }
        }
    }

    private static List<Span> TraceOf(ReceiverProcess receiver)
    {
        var trace = BuildTrace.Of(receiver);
        trace.Where(s => s.ParentId.Length == 0).ShouldHaveSingleItem().Name.ShouldBe("grid build");
        // Command, its request, the node that answered, and what it did.
        var asked = Above(trace, Above(trace, trace.Where(s => s.Name == "submit build").ShouldHaveSingleItem()));
        asked.Name.ShouldBe("POST");
        Above(trace, asked).Name.ShouldBe("grid build");
        trace.Count(s => s.Name == "run step").ShouldBeGreaterThan(1);
        return trace;
    }

    private static Span Above(List<Span> trace, Span span) => trace.Where(s => s.SpanId == span.ParentId).ShouldHaveSingleItem();

    private static void CheckLogs(ReceiverProcess receiver, List<Span> trace)
    {
        var lines = receiver.Logs;
        lines.ShouldContain(l => l.Text.EndsWith("is accepted", StringComparison.Ordinal) && l.TraceId == trace[0].TraceId);
        var work = lines.Where(l => l.Text.StartsWith("work ", StringComparison.Ordinal)).ToList();
        work.ShouldNotBeEmpty();
        // Each line names the span it belongs to, on the node that wrote it.
        foreach (var line in work)
            trace.Where(s => s.SpanId == line.SpanId).ShouldHaveSingleItem().Instance.ShouldBe(line.Instance, line.Text);
    }

    private static void CheckMetrics(ReceiverProcess receiver, string trace)
    {
        var points = receiver.Metrics;
        foreach (var name in new[] { "grid.build.duration", "grid.phase.duration", "grid.step.duration", "grid.step.lookups", "grid.queue.wait", "grid.work.duration", "grid.registry.request.duration", "grid.registry.io", "grid.tier.io", "grid.queue.slots" })
            points.ShouldContain(p => p.Name == name, name);
        points.ShouldContain(p => p.Name == "grid.work.duration" && p.ExemplarTraces.Contains(trace));
        points.ShouldContain(p => p.Name == "grid.phase.duration" && p.ExemplarTraces.Contains(trace));
        MetricsPageText.CheckTags(points);
        points.ShouldAllBe(p => !p.ToString().Contains("canary", StringComparison.OrdinalIgnoreCase) && p.Tags.Values.All(v => !v.Contains("canary", StringComparison.OrdinalIgnoreCase)));
    }

    /// <summary>The page of the listener that asks for no key; the API's asks for one.</summary>
    private static async Task<string> ScrapeAsync(ChaosNode node, string key)
    {
        using var http = new HttpClient();
        var page = node.Log[node.Log.IndexOf("metrics http", StringComparison.Ordinal)..].Split(' ', ',')[1];
        var text = await http.GetStringAsync(new Uri(page), Stop);
        (await http.GetAsync(new Uri(new Uri(page), "/health/live"), Stop)).StatusCode.ShouldBe(HttpStatusCode.NotFound);
        var own = new Uri(node.Address!, "/metrics");
        (await http.GetAsync(own, Stop)).StatusCode.ShouldBe(HttpStatusCode.Unauthorized);
        http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
        (await http.GetStringAsync(own, Stop)).ShouldContain("target_info{service_name=\"grid\"");
        text.ShouldNotContain("canary");
        return text;
    }
}
