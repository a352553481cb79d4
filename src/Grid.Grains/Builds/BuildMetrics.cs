using System.Diagnostics.Metrics;
using Grid.Contracts;
using Grid.Contracts.Builds;
using Grid.Contracts.Queues;

namespace Grid.Grains.Builds;

/// <summary>What is measured of builds and their phases, where the build's grain is.</summary>
internal sealed class BuildMetrics
{
    private static readonly Counter<long> Submissions = GridTelemetry.Meter.CreateCounter<long>("grid.build.submissions", "{build}", "Builds that were submitted, by whether they were accepted");
    private static readonly Histogram<double> Duration = GridTelemetry.Duration("grid.build.duration", "Time from a build's acceptance to its end, with the wait for a node");
    private static readonly Histogram<double> PhaseDuration = GridTelemetry.Duration("grid.phase.duration", "Time from the start of a phase to its end, as the build sees it; a phase that outlived the build's silo is not measured");
    private readonly Dictionary<Phase, DateTimeOffset> _started = [];

    /// <summary>A build was submitted; <paramref name="result"/> is <c>accepted</c>, or who refused it.</summary>
    public static void Submitted(string result) => Submissions.Add(1, new KeyValuePair<string, object?>("grid.submission.result", result));

    /// <summary>A build is at its end.</summary>
    public static void Ended(BuildState state, BuildClass buildClass, TimeSpan time) =>
        Duration.Record(Math.Max(0, time.TotalSeconds), new("grid.build.state", Word(state)), new("grid.build.class", Word(buildClass)));

    /// <summary>A phase begins, for the first time or again.</summary>
    public void Started(Phase phase, DateTimeOffset now) => _started[phase] = now;

    /// <summary>A phase has ended.</summary>
    public void Finished(Phase phase, PhaseState state, DateTimeOffset now)
    {
        if (_started.Remove(phase, out var since))
            PhaseDuration.Record(Math.Max(0, (now - since).TotalSeconds), new("grid.phase", Word(phase)), new("grid.phase.state", Word(state)));
    }

    /// <summary>A value as tags are written: <c>extend_build</c>.</summary>
    internal static string Word<T>(T value)
        where T : struct, Enum => value.ToString() is var text && text is "ExtendBuild" or "ExtendRun" ? text == "ExtendBuild" ? "extend_build" : "extend_run" : text.ToLowerInvariant();
}
