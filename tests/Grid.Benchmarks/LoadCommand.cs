using System.CommandLine;
using System.Text.Json;
using Grid.Benchmarks.Load;
using Grid.Benchmarks.Orchestration;
using Grid.Benchmarks.Reports;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks;

/// <summary><c>load</c>: what many callers of the HTTP API cost, and what they wait for.</summary>
internal static class LoadCommand
{
    private static readonly Option<int> Readers = new("--readers") { Description = "Readers of one build's log, of which an eighth are slow and an eighth go away in the middle", DefaultValueFactory = _ => 200 };
    private static readonly Option<int> Megabytes = new("--megabytes") { Description = "Size of the log", DefaultValueFactory = _ => 100 };
    private static readonly Option<int> Tenants = new("--tenants") { Description = "Tenants that submit builds at the same time", DefaultValueFactory = _ => 50 };
    private static readonly Option<int> Submits = new("--submits") { Description = "Builds that each of them submits, one after the other", DefaultValueFactory = _ => 40 };
    private static readonly Option<string[]> Only = new("--only") { Description = "Only these: logs, submits", DefaultValueFactory = _ => [], AllowMultipleArgumentsPerToken = true };

    public static Command Create()
    {
        var command = new Command("load", "The HTTP API under load: API, silos, grains, queue and journals are the product's; work is simulated") { Readers, Megabytes, Tenants, Submits, Only };
        command.SetAction(RunAsync);
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        try
        {
            var tables = new List<Figures>();
            if (Wants("logs"))
                Show(await LogBenchmark.RunAsync(parsed.GetValue(Readers), parsed.GetValue(Megabytes), cancellationToken));
            if (Wants("submits"))
                Show(await SubmitBenchmark.RunAsync(parsed.GetValue(Tenants), parsed.GetValue(Submits), cancellationToken));
            var now = TimeProvider.System.GetUtcNow();
            var path = Path.Combine(Repository.Find().Artifacts, $"load-{now:yyyyMMddTHHmmssZ}.json");
            await File.WriteAllTextAsync(path, JsonSerializer.Serialize(new { At = now, Machine = Machine.Describe(), LoadAverageAtEnd = Machine.LoadAverage(), Tables = tables }), cancellationToken);
            Console.WriteLine($"\n{Machine.Describe()}; load at the end {Machine.LoadAverage()}\nWritten to {path}");
            return 0;

            bool Wants(string part) => parsed.GetValue(Only) is not { Length: > 0 } only || only.Contains(part);

            void Show(Figures made)
            {
                tables.Add(made);
                Console.Write(made.ToText());
            }
        }
        catch (BenchmarkException e)
        {
            await Console.Error.WriteLineAsync($"benchmark: {e.Message}");
            return 1;
        }
    }
}
