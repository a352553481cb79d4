using System.Diagnostics;
using Grid.Benchmarks.Extend;

namespace Grid.Benchmarks.Contenders;

/// <summary>A builder timed from the outside: its commands one after the other, and at the same time where there are several.</summary>
internal sealed class BuilderContender(IBuilder builder) : IContender
{
    public async Task<IReadOnlyList<Timing>> MeasureAsync(Scenario scenario, string turn, CancellationToken cancellationToken)
    {
        if (scenario.Cached != CacheState.Nothing && !builder.HasCache)
            return [];
        var several = scenario.Workload.Kinds.Count() > 1;
        List<Timing> timings = [new(several ? $"{builder.Name}, one after the other" : builder.Name, await TimeAsync(scenario, turn, atOnce: false, cancellationToken))];
        if (several && builder.CanDoBothAtOnce)
            timings.Add(new($"{builder.Name}, both at once", await TimeAsync(scenario, turn + "-at-once", atOnce: true, cancellationToken)));
        return timings;
    }

    private async Task<double> TimeAsync(Scenario scenario, string turn, bool atOnce, CancellationToken cancellationToken)
    {
        if (scenario.Cached != CacheState.Nothing)
            foreach (var kind in scenario.Workload.Kinds)
                await builder.ApplyAsync(scenario.Workload, kind, Scenario.Unedited, cold: false, cancellationToken);
        var clock = Stopwatch.GetTimestamp();
        if (atOnce)
            await Task.WhenAll(scenario.Workload.Kinds.Select(ApplyAsync));
        else
            foreach (var kind in scenario.Workload.Kinds)
                await ApplyAsync(kind);
        return Stopwatch.GetElapsedTime(clock).TotalSeconds;

        Task ApplyAsync(string kind) => builder.ApplyAsync(scenario.Workload, kind, scenario.Edit(turn), scenario.Cached == CacheState.Nothing, cancellationToken);
    }
}
