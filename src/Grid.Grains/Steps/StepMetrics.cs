using System.Diagnostics.Metrics;
using Grid.Contracts;
using Grid.Contracts.Events;
using Grid.Contracts.Steps;
using Grid.Dockerfiles;

namespace Grid.Grains.Steps;

/// <summary>What is measured of Dockerfile steps, where their chain is.</summary>
internal static class StepMetrics
{
    private static readonly Histogram<double> Duration = GridTelemetry.Duration("grid.step.duration", "Time of a step that ran, from the decision to run it until its layer is there");
    private static readonly Counter<long> Lookups = GridTelemetry.Meter.CreateCounter<long>("grid.step.lookups", "{step}", "Steps that were looked up in the cache: found, shared with a build that ran them, restored from the app's last image, or missed and why");

    /// <summary>Beginnings of what is said of a miss, by the word that is counted. What stands behind them are names that tenants gave.</summary>
    private static readonly (string Start, string Reason)[] Reasons =
    [
        ("no build has run it", "first"), ("the cache no longer has it", "evicted"), ("its cached layer", "layer_lost"), ("its cached result of", "expired"), ("the build refreshes", "refresh"),
        ("parent layers", "parent"), ("instruction", "instruction"), ("command", "instruction"), ("script ", "instruction"), ("here-document ", "instruction"),
        ("ARG ", "argument"), ("ENV ", "environment"), ("file", "files"), ("destination", "files"), ("options", "files"), ("URL ", "url"), ("mount ", "mount"),
    ];

    /// <summary>A step did not have to run.</summary>
    public static void Found(ImageKind kind, StepSource source) => Lookups.Add(1, Kind(kind),
        new("grid.cache.result", source switch { StepSource.Cached => "hit", StepSource.Shared => "shared", _ => "restored" }), new("grid.cache.miss.reason", "none"));

    /// <summary>A step has to run.</summary>
    public static void Missed(ImageKind kind, StepMiss? miss) => Lookups.Add(1, Kind(kind), new("grid.cache.result", "miss"), new("grid.cache.miss.reason", ReasonOf(miss)));

    /// <summary>A step ran.</summary>
    public static void Ran(ImageKind kind, TimeSpan time, bool failed) => Duration.Record(Math.Max(0, time.TotalSeconds), Kind(kind), new("grid.outcome", failed ? "failed" : "done"));

    /// <summary>Why a step was missed, in one word of a small set.</summary>
    internal static string ReasonOf(StepMiss? miss)
    {
        var text = miss is null ? "" : miss.Changed is [var first, ..] ? first.Name : miss.Reason;
        return Reasons.FirstOrDefault(r => text.StartsWith(r.Start, StringComparison.Ordinal)).Reason ?? "other";
    }

    private static KeyValuePair<string, object?> Kind(ImageKind kind) => new("grid.image.kind", kind == ImageKind.Build ? "build" : "run");
}
