using System.Text.Json;
using Grid.Benchmarks.Workspace;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;

namespace Grid.Benchmarks.Contenders;

/// <summary>One <c>grid build</c>, taken apart by its events. All values are seconds.</summary>
internal sealed class GridRun
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web);
    private readonly List<(Phase Phase, DateTimeOffset From, DateTimeOffset To)> _phases = [];

    private GridRun() { }

    /// <summary>From the start of the process to its end.</summary>
    public required double Whole { get; init; }

    /// <summary>From the start of the process until the build is accepted: runtime, silo, packing the source.</summary>
    public double UntilAccepted { get; private set; }

    /// <summary>From the build's end to the process' end.</summary>
    public double AfterEnd { get; private set; }

    /// <summary>From the acceptance to the end.</summary>
    public double Build { get; private set; }

    /// <summary>Part of the build in which no phase was under way: what orchestration adds.</summary>
    public double BetweenPhases { get; private set; }

    /// <summary>From the start of the first extension to the end of the last.</summary>
    public double Extension { get; private set; }

    public Dictionary<Phase, double> Phases { get; } = [];

    /// <summary>Steps that ran, with the name they are reported by.</summary>
    public Dictionary<string, double> Steps { get; } = [];

    public int StepsRun { get; private set; }

    public int StepsCached { get; private set; }

    public static GridRun Read(ToolResult result)
    {
        var run = new GridRun { Whole = result.Elapsed.TotalSeconds };
        var events = result.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize<BuildEvent>(line, Json)!).ToList();
        var accepted = events.OfType<BuildStarted>().Single().At;
        var finished = events.OfType<BuildFinished>().Single().At;
        run.UntilAccepted = (accepted - result.Started).TotalSeconds;
        run.Build = (finished - accepted).TotalSeconds;
        run.AfterEnd = (result.Ended - finished).TotalSeconds;
        run.ReadPhases(events);
        run.ReadSteps(events);
        run.BetweenPhases = run.Build - run.Covered();
        return run;
    }

    private void ReadPhases(List<BuildEvent> events)
    {
        var started = new Dictionary<Phase, DateTimeOffset>();
        foreach (var buildEvent in events)
        {
            if (buildEvent is PhaseStarted start)
                started[start.Phase] = start.At;
            else if (buildEvent is PhaseFinished end && started.TryGetValue(end.Phase, out var from))
                _phases.Add((end.Phase, from, end.At));
        }
        foreach (var (phase, from, to) in _phases)
            Phases[phase] = (to - from).TotalSeconds;
        var extensions = _phases.Where(p => p.Phase is Phase.ExtendBuild or Phase.ExtendRun).ToList();
        Extension = extensions.Count == 0 ? 0 : (extensions.Max(p => p.To) - extensions.Min(p => p.From)).TotalSeconds;
    }

    private void ReadSteps(List<BuildEvent> events)
    {
        var started = new Dictionary<(Phase, string, int), DateTimeOffset>();
        foreach (var buildEvent in events)
        {
            if (buildEvent is StepStarted start)
                started[(start.Phase, start.Step.Extension, start.Step.Number)] = start.At;
            if (buildEvent is not StepFinished end)
                continue;
            StepsCached += end.Source == StepSource.Cached ? 1 : 0;
            if (end.Source != StepSource.Ran || !started.TryGetValue((end.Phase, end.Step.Extension, end.Step.Number), out var from))
                continue;
            StepsRun++;
            Steps[$"{end.Step.File}:{end.Step.Line} {Shorten(end.Step.Text)}"] = (end.At - from).TotalSeconds;
        }
    }

    private double Covered()
    {
        var covered = 0.0;
        var reached = DateTimeOffset.MinValue;
        foreach (var (_, from, to) in _phases.OrderBy(p => p.From))
        {
            var start = from > reached ? from : reached;
            if (to > start)
                covered += (to - start).TotalSeconds;
            reached = to > reached ? to : reached;
        }
        return covered;
    }

    private static string Shorten(string text) => text.Length <= 40 ? text : text[..39] + "…";
}
