using System.CommandLine;
using System.Text.Json;
using Grid.Benchmarks.Orchestration;
using Grid.Benchmarks.Reports;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks;

/// <summary><c>orchestrate</c>: what a build costs the grid beyond its work.</summary>
internal static class OrchestrateCommand
{
    private static readonly Option<int> Builds = new("--builds") { Description = "Builds of a measurement of throughput; a tenth of it one after the other", DefaultValueFactory = _ => 2000 };
    private static readonly Option<int[]> Depths = new("--depths")
    {
        Description = "Lengths of the queue", DefaultValueFactory = _ => [10, 100, 1_000, 10_000], AllowMultipleArgumentsPerToken = true,
    };
    private static readonly Option<int> Apps = new("--apps") { Description = "Idle apps", DefaultValueFactory = _ => 10_000 };
    private static readonly Option<int> Large = new("--large") { Description = "Builds of the large tenant", DefaultValueFactory = _ => 2000 };
    private static readonly Option<string[]> Only = new("--only") { Description = "Only these: builds, throughput, places, depth, apps, fairness", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };

    public static Command Create()
    {
        var command = new Command("orchestrate", "The control plane alone: work, nodes and disk are simulated, silos, grains and queue are the product's") { Builds, Depths, Apps, Large, Only };
        command.SetAction(BenchmarkAction.Of(MeasureAsync));
        return command;
    }

    private static async Task MeasureAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var tables = new List<Figures>();
        if (Wants("builds"))
            Show(await OrchestrationBenchmark.OneByOneAsync(Math.Max(10, parsed.GetValue(Builds) / 10)));
        if (Wants("throughput"))
            Show([await OrchestrationBenchmark.ThroughputAsync(parsed.GetValue(Builds))]);
        if (Wants("places"))
            Show([PlaceBenchmark.Measure(parsed.GetValue(Depths)!)]);
        if (Wants("depth"))
            Show([await QueueBenchmark.DepthAsync(parsed.GetValue(Depths)!, cancellationToken)]);
        if (Wants("apps"))
            Show([await OrchestrationBenchmark.IdleAppsAsync(parsed.GetValue(Apps))]);
        if (Wants("fairness"))
            Show([await QueueBenchmark.FairnessAsync(parsed.GetValue(Large), 199, TimeSpan.FromMilliseconds(500))]);
        var now = TimeProvider.System.GetUtcNow();
        var path = Path.Combine(Repository.Find().Artifacts, $"orchestrate-{now:yyyyMMddTHHmmssZ}.json");
        await File.WriteAllTextAsync(path, JsonSerializer.Serialize(new { At = now, Machine = Machine.Describe(), LoadAverageAtEnd = Machine.LoadAverage(), Tables = tables }), cancellationToken);
        Console.WriteLine($"\n{Machine.Describe()}; load at the end {Machine.LoadAverage()}\nWritten to {path}");

        bool Wants(string part) => parsed.GetValue(Only) is not { Length: > 0 } only || only.Contains(part);

        void Show(IReadOnlyList<Figures> made)
        {
            tables.AddRange(made);
            foreach (var table in made)
                Console.Write(table.ToText());
        }
    }
}
