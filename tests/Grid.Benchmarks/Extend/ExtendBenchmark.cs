using Grid.Benchmarks.Contenders;
using Grid.Benchmarks.Reports;

namespace Grid.Benchmarks.Extend;

/// <summary>The rounds of <c>extend</c>: every contender in every scenario once a round, in an order that turns from round to round.</summary>
/// <param name="scenarios">One table each.</param>
/// <param name="contenders">The first one's first row is what the others are compared with.</param>
/// <param name="details">Tables that contenders fill besides.</param>
internal sealed class ExtendBenchmark(IReadOnlyList<Scenario> scenarios, IReadOnlyList<IContender> contenders, IReadOnlyList<Table> details)
{
    private readonly IReadOnlyList<Table> _tables = [.. scenarios.Select(scenario => new Table(scenario.Title))];

    private IReadOnlyList<Table> Tables => [.. _tables, .. details];

    /// <summary>Measures; the first round is thrown away (page cache, first use of each store).</summary>
    /// <returns>A table for each scenario, and the details.</returns>
    public async Task<IReadOnlyList<Table>> RunAsync(int rounds, CancellationToken cancellationToken)
    {
        for (var round = 0; round <= rounds; round++)
        {
            await Console.Error.WriteLineAsync(round == 0 ? $"warming up, load {Machine.LoadAverage()}" : $"round {round} of {rounds}, load {Machine.LoadAverage()}");
            try
            {
                await RoundAsync(round, cancellationToken);
            }
            catch (OperationCanceledException) when (round > 1)
            {
                await Console.Error.WriteLineAsync($"interrupted in round {round}: what was measured follows");
                break;
            }
            if (round == 0)
                foreach (var table in Tables)
                    table.Clear();
        }
        return Tables;
    }

    private async Task RoundAsync(int round, CancellationToken cancellationToken)
    {
        foreach (var (scenario, table) in scenarios.Zip(_tables))
        {
            // In the first round nobody is turned: it gives the rows their order.
            for (var i = 0; i < contenders.Count; i++)
                foreach (var timing in await contenders[(i + round) % contenders.Count].MeasureAsync(scenario, $"{round}-{i}", cancellationToken))
                    table.Add(timing.Row, timing.Seconds);
        }
    }
}
