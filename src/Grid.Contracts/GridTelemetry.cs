using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Grid.Contracts;

/// <summary>
/// The activity source and the meter of everything above Grid.Lifecycle. Instruments are beside the code they measure, in classes called <c>…Metrics</c>;
/// docs/telemetry.md lists them. Their tags are words of small sets: never a tenant's, an app's, an image's or a build's name.
/// </summary>
public static class GridTelemetry
{
    public const string SourceName = "Grid";

    public static readonly ActivitySource Source = new(SourceName);

    public static readonly Meter Meter = new(SourceName);

    /// <summary>Seconds of work: from a cached phase to a long build.</summary>
    private static readonly double[] WorkSeconds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600];

    /// <summary>A histogram of seconds with bounds that fit what a grid does.</summary>
    public static Histogram<double> Duration(string name, string meaning) =>
        Meter.CreateHistogram(name, "s", meaning, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = WorkSeconds });

    /// <summary>Makes a span the current one for what is measured or logged of it, until disposed: so a measurement has it as exemplar, and a line its ids.</summary>
    public static CurrentSpan Within(Activity? span) => new(span);

    /// <summary>
    /// Starts a span under a parent given as W3C traceparent text (which survives in grain state), or under the current one. A current one that nobody
    /// records is no parent: the span would hang below something that is nowhere to be seen.
    /// </summary>
    public static Activity? Start(string name, string? traceParent, ActivityKind kind = ActivityKind.Internal)
    {
        if (ActivityContext.TryParse(traceParent, null, isRemote: true, out var parent))
            return Source.StartActivity(name, kind, parent);
        var current = Activity.Current;
        if (current is { Recorded: false })
            Activity.Current = null;
        var span = Source.StartActivity(name, kind);
        if (span is null)
            Activity.Current = current;
        return span;
    }

    /// <summary>Starts a span that ends in another turn: it does not become the current one.</summary>
    public static Activity? StartDetached(string name, string? traceParent)
    {
        var current = Activity.Current;
        var span = Start(name, traceParent);
        Activity.Current = current;
        return span;
    }

    /// <summary>Starts a span that goes on with work whose own span ended with the silo that did it, if that was recorded; it does not become the current one.</summary>
    public static Activity? StartContinued(string name, string? traceParent) => traceParent is null ? null : StartDetached(name, traceParent);

    /// <summary>A span that is current for a while.</summary>
    public sealed class CurrentSpan : IDisposable
    {
        private readonly Activity? _before = Activity.Current;
        private readonly bool _changed;

        internal CurrentSpan(Activity? span)
        {
            _changed = span is { IsStopped: false };
            if (_changed)
                Activity.Current = span;
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            if (_changed)
                Activity.Current = _before;
        }
    }

    /// <summary>Marks a span failed.</summary>
    public static void Fail(this Activity? activity, string message) => activity?.SetStatus(ActivityStatusCode.Error, message);
}
