using Grid.Benchmarks.Extend;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Contenders;

/// <summary><c>grid build</c>, by a process with a silo of its own or by a node that is up. Its extend phases are what other builders do.</summary>
/// <param name="inputs">Makes the apps.</param>
/// <param name="builds">Runs the command.</param>
/// <param name="name">Before its rows.</param>
/// <param name="details">Takes what a run consisted of, or null.</param>
internal sealed class GridContender(Inputs inputs, IGridBuilds builds, string name, GridDetails? details) : IContender
{
    public async Task<IReadOnlyList<Timing>> MeasureAsync(Scenario scenario, string turn, CancellationToken cancellationToken)
    {
        if (scenario.Cached != CacheState.Nothing)
            await builds.RunAsync(scenario.Workload, inputs.AppFor(scenario.Workload, Scenario.Unedited), refresh: false, cancellationToken);
        var app = inputs.AppFor(scenario.Workload, scenario.Edit(turn));
        var run = GridRun.Read(await builds.RunAsync(scenario.Workload, app, scenario.Cached == CacheState.Nothing, cancellationToken));
        if (run.StepsRun != scenario.StepsToRun)
            throw new BenchmarkException($"{name} ran {run.StepsRun} steps of {scenario.Workload.Name} and took {run.StepsCached} from its cache; {scenario.StepsToRun} had to run");
        details?.Add(scenario, run);
        return [new($"{name}: its extend phases", run.Extension), new($"{name}: the whole command", run.Whole)];
    }
}

/// <summary>A way to run <c>grid build --json</c>.</summary>
internal interface IGridBuilds
{
    /// <summary>Builds an app whose extension is a workload.</summary>
    /// <param name="workload">Names the image.</param>
    /// <param name="app">Directory of the app.</param>
    /// <param name="refresh">Whether every step runs, whatever is cached.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task<ToolResult> RunAsync(Workload workload, string app, bool refresh, CancellationToken cancellationToken);
}
