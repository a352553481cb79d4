using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Steps;
using Grid.Contracts.Work;

namespace Grid.Cli.Progress;

/// <summary>What became of a step of a build.</summary>
public sealed record StepHistory
{
    public required Phase Phase { get; init; }

    public required StepName Step { get; init; }

    /// <summary>Where its result came from; null while it has none.</summary>
    public StepSource? Source { get; init; }

    /// <summary>Why it ran; null when it did not.</summary>
    public StepMiss? Miss { get; init; }

    /// <summary>The steps of a build, in order, without those that only change the configuration.</summary>
    public static IReadOnlyList<StepHistory> Of(IEnumerable<BuildEvent> events)
    {
        var steps = new Dictionary<(Phase, int), StepHistory>();
        foreach (var buildEvent in events)
        {
            if (buildEvent is StepStarted started)
            {
                var miss = started.Miss ?? (started.MissReason is null ? null : new StepMiss { Reason = started.MissReason });
                steps[(started.Phase, started.Step.Number)] = new StepHistory { Phase = started.Phase, Step = started.Step, Miss = miss };
            }
            else if (buildEvent is StepFinished finished and not { Source: StepSource.Config })
            {
                var key = (finished.Phase, finished.Step.Number);
                steps[key] = (steps.GetValueOrDefault(key) ?? new StepHistory { Phase = finished.Phase, Step = finished.Step }) with { Source = finished.Source };
            }
        }
        return [.. steps.Values.OrderBy(s => s.Phase).ThenBy(s => s.Step.Number)];
    }
}
