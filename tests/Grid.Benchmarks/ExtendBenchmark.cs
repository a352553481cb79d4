using Grid.Benchmarks.Contenders;
using Grid.Benchmarks.Reports;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks;

/// <summary>The rounds of <c>extend</c>: everything once a round, in an order that turns from round to round.</summary>
internal sealed class ExtendBenchmark(GridContender grid, IReadOnlyList<IContender> peers, Inputs inputs)
{
    private readonly Table _cold = new("Both Dockerfiles, every step runs (apt-get update and install, COPY of 5 MB; base images in the store)");
    private readonly Table _warm = new("Both Dockerfiles, every step cached");
    private readonly Table _trivial = new($"One trivial RUN: ({Inputs.TrivialSteps} steps run - the same cached) / {Inputs.TrivialSteps}");
    private readonly Table _phases = new("Phases of grid build") { HasRatios = false };
    private readonly Table _steps = new("Steps of grid build that ran") { HasRatios = false };
    private readonly Table _process = new("The grid process") { HasRatios = false };

    /// <summary>Measures; the first round is thrown away (page cache, first use of each store).</summary>
    public async Task<IReadOnlyList<Table>> RunAsync(int rounds, CancellationToken cancellationToken)
    {
        // The rows' order, and what the others are compared with.
        foreach (var table in new[] { _cold, _warm })
            table.Declare("grid, both at once (its extend phases)", "grid build, the whole command");
        _trivial.Declare("grid (its extend phase)");
        for (var round = 0; round <= rounds; round++)
        {
            await Console.Error.WriteLineAsync(round == 0 ? $"warming up, load {Machine.LoadAverage()}" : $"round {round} of {rounds}, load {Machine.LoadAverage()}");
            List<Func<CancellationToken, Task>> turns = [GridAsync, .. peers.Select(peer => (Func<CancellationToken, Task>)(token => PeerAsync(peer, token)))];
            try
            {
                for (var i = 0; i < turns.Count; i++)
                    await turns[(i + round) % turns.Count](cancellationToken);
            }
            catch (OperationCanceledException) when (round > 1)
            {
                await Console.Error.WriteLineAsync($"interrupted in round {round}: what was measured follows");
                break;
            }
            if (round == 0)
                foreach (var table in Tables())
                    table.Clear();
        }
        return Tables();
    }

    private IReadOnlyList<Table> Tables() => [_cold, _warm, _trivial, _phases, _steps, _process];

    private async Task GridAsync(CancellationToken cancellationToken)
    {
        foreach (var (cold, table, word) in new[] { (true, _cold, "cold"), (false, _warm, "warm") })
        {
            var run = await grid.BuildAsync(inputs.Packages, cold, cancellationToken);
            table.Add("grid, both at once (its extend phases)", run.Extension);
            table.Add("grid build, the whole command", run.Whole);
            foreach (var (phase, seconds) in run.Phases)
                _phases.Add($"{phase}, {word}", seconds);
            _phases.Add($"no phase under way, {word}", run.BetweenPhases);
            foreach (var (step, seconds) in run.Steps)
                _steps.Add(step, seconds);
            _process.Add($"start until the build is accepted, {word}", run.UntilAccepted);
            _process.Add($"accepted until the build's end, {word}", run.Build);
            _process.Add($"the build's end until the process' end, {word}", run.AfterEnd);
        }
        var ran = await grid.BuildAsync(inputs.Trivial, cold: true, cancellationToken);
        var cached = await grid.BuildAsync(inputs.Trivial, cold: false, cancellationToken);
        if (ran.StepsRun != Inputs.TrivialSteps)
            throw new BenchmarkException($"grid ran {ran.StepsRun} of {Inputs.TrivialSteps} trivial steps");
        _trivial.Add("grid (its extend phase)", (ran.Extension - cached.Extension) / Inputs.TrivialSteps);
        _process.Add("grid --version", await grid.VersionAsync(cancellationToken));
        _process.Add("grid build with an empty data directory", (await grid.FirstBuildAsync(inputs.Packages, cancellationToken)).Whole);
    }

    private async Task PeerAsync(IContender peer, CancellationToken cancellationToken)
    {
        foreach (var (cold, table) in new[] { (true, _cold), (false, _warm) })
        {
            if (!cold && !peer.HasCache)
                continue;
            table.Add($"{peer.Name}, one after the other", await peer.TimeAsync(inputs.Packages, cold, atOnce: false, cancellationToken));
            if (peer.CanDoBothAtOnce)
                table.Add($"{peer.Name}, both at once", await peer.TimeAsync(inputs.Packages, cold, atOnce: true, cancellationToken));
        }
        var ran = await peer.TimeAsync(inputs.Trivial, cold: true, atOnce: false, cancellationToken);
        var cached = peer.HasCache ? await peer.TimeAsync(inputs.Trivial, cold: false, atOnce: false, cancellationToken) : 0;
        _trivial.Add(peer.Name, (ran - cached) / Inputs.TrivialSteps);
    }
}
