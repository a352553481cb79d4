using Grid.Benchmarks.Extend;
using Grid.Benchmarks.Reports;

namespace Grid.Benchmarks.Contenders;

/// <summary>What runs of <c>grid build</c> consist of, scenario by scenario.</summary>
internal sealed class GridDetails
{
    private readonly Table _phases = new("Phases of grid build") { HasRatios = false };
    private readonly Table _steps = new("Steps of grid build that ran") { HasRatios = false };
    private readonly Table _process = new("The grid process") { HasRatios = false };

    public IReadOnlyList<Table> Tables => [_phases, _steps, _process];

    public void Add(Scenario scenario, GridRun run)
    {
        foreach (var (phase, seconds) in run.Phases)
            _phases.Add($"{scenario.Name}: {phase}", seconds);
        _phases.Add($"{scenario.Name}: no phase under way", run.BetweenPhases);
        foreach (var (step, seconds) in run.Steps)
            _steps.Add($"{scenario.Name}: {step}", seconds);
        _process.Add($"{scenario.Name}: start until the build is accepted", run.UntilAccepted);
        _process.Add($"{scenario.Name}: accepted until the build's end", run.Build);
        _process.Add($"{scenario.Name}: the build's end until the process' end", run.AfterEnd);
    }
}
