using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;

namespace Grid.Dashboard;

/// <summary>A finished build as its events tell it: how long phases took, and what became of each Dockerfile step.</summary>
public sealed record BuildStory(BuildResource Build, IReadOnlyDictionary<Phase, TimeSpan> Phases, IReadOnlyDictionary<string, string> Steps)
{
    /// <summary>Reads the events of a build that is at its end.</summary>
    public static async Task<BuildStory> ReadAsync(BuildResource build, IAsyncEnumerable<BuildEvent> events, CancellationToken cancellationToken)
    {
        var started = new Dictionary<Phase, DateTimeOffset>();
        var phases = new Dictionary<Phase, TimeSpan>();
        var steps = new Dictionary<string, string>(StringComparer.Ordinal);
        var reasons = new Dictionary<string, string>(StringComparer.Ordinal);
        await foreach (var buildEvent in events.WithCancellation(cancellationToken))
        {
            switch (buildEvent)
            {
                case PhaseStarted e:
                    started.TryAdd(e.Phase, e.At);
                    break;
                case PhaseFinished e when started.TryGetValue(e.Phase, out var from):
                    phases[e.Phase] = e.At - from;
                    break;
                case StepStarted { MissReason: { } reason } e:
                    reasons[NameOf(e.Step)] = reason;
                    break;
                case StepFinished e when e.Source != StepSource.Config:
                    var layer = e.DiffId is null ? "no files changed" : e.DiffId;
                    steps[NameOf(e.Step)] = e.Source == StepSource.Ran ? $"ran ({reasons.GetValueOrDefault(NameOf(e.Step), "first time")}): {layer}" : $"cached: {layer}";
                    break;
            }
        }
        return new BuildStory(build, phases, steps);
    }

    private static string NameOf(StepName step) => $"{step.Extension} {step.File}:{step.Line} {step.Text}";
}
