using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;

namespace Grid.Dashboard;

/// <summary>A finished build as its events tell it: how long phases took, and what became of each Dockerfile step.</summary>
public sealed record BuildStory(BuildResource Build, IReadOnlyDictionary<Phase, TimeSpan> Phases, IReadOnlyDictionary<string, StepStory> Steps)
{
    /// <summary>From submission to the end.</summary>
    public TimeSpan Took => (Build.FinishedAt ?? Build.SubmittedAt) - Build.SubmittedAt;

    /// <summary>Reads the events of a build that is at its end.</summary>
    public static async Task<BuildStory> ReadAsync(BuildResource build, IAsyncEnumerable<BuildEvent> events, CancellationToken cancellationToken)
    {
        var started = new Dictionary<Phase, DateTimeOffset>();
        var phases = new Dictionary<Phase, TimeSpan>();
        var begun = new Dictionary<string, StepStarted>(StringComparer.Ordinal);
        var steps = new Dictionary<string, StepStory>(StringComparer.Ordinal);
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
                case StepStarted e:
                    begun.TryAdd(NameOf(e.Step), e);
                    break;
                case StepFinished e when e.Source != StepSource.Config:
                    var start = begun.GetValueOrDefault(NameOf(e.Step));
                    steps[NameOf(e.Step)] = new StepStory(e.Source, start?.MissReason, start is null ? TimeSpan.Zero : e.At - start.At, e.DiffId, e.Size);
                    break;
            }
        }
        return new BuildStory(build, phases, steps);
    }

    private static string NameOf(StepName step) => $"{step.Extension} {step.File}:{step.Line} {step.Text}";
}

/// <summary>What became of a Dockerfile step in one build.</summary>
/// <param name="Source">Where its result came from.</param>
/// <param name="MissReason">Why the cache had nothing; null when it had.</param>
/// <param name="Took">How long it took.</param>
/// <param name="DiffId">Diff ID of its layer; null when no file changed.</param>
/// <param name="Size">Compressed bytes of its layer.</param>
public sealed record StepStory(StepSource Source, string? MissReason, TimeSpan Took, string? DiffId, long Size)
{
    /// <summary>On one line, without the layer.</summary>
    public string Words => Source switch
    {
        StepSource.Ran => $"ran for {Show.Time(Took)}, {MissReason ?? "for the first time"}",
        StepSource.Shared => "another build ran it",
        StepSource.Restored => "from the app's previous image",
        _ => "from the cache",
    };
}
