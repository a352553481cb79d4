using Grid.Contracts.Builds;
using Grid.Contracts.Events;

namespace Grid.Cli.Progress;

/// <summary>Remembers when phases ran and draws them as bars on one time axis.</summary>
public sealed class Timeline
{
    private const int Width = 48;
    private readonly Dictionary<Phase, (DateTimeOffset From, DateTimeOffset To)> _phases = [];

    public void Add(BuildEvent buildEvent)
    {
        if (buildEvent is PhaseStarted started)
            _phases[started.Phase] = (started.At, started.At);
        else if (buildEvent is PhaseFinished finished && _phases.TryGetValue(finished.Phase, out var span))
            _phases[finished.Phase] = (span.From, finished.At);
    }

    /// <summary>One line a phase: name, bar, seconds.</summary>
    public IEnumerable<string> Lines()
    {
        if (_phases.Count == 0)
            yield break;
        var from = _phases.Values.Min(p => p.From);
        var total = Math.Max(1e-3, (_phases.Values.Max(p => p.To) - from).TotalSeconds);
        foreach (var (phase, span) in _phases.OrderBy(p => p.Key))
        {
            var start = Math.Min(Width - 1, (int)((span.From - from).TotalSeconds / total * Width));
            var end = Math.Clamp((int)Math.Ceiling((span.To - from).TotalSeconds / total * Width), start + 1, Width);
            yield return $"{Words.Of(phase),-12} │{new string(' ', start)}{new string('█', end - start)}{new string(' ', Width - end)}│ {PlainProgress.Seconds(span.To - span.From)}";
        }
    }
}
