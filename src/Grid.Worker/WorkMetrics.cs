using System.Diagnostics.Metrics;
using Grid.Contracts;

namespace Grid.Worker;

/// <summary>What is measured of a node's work.</summary>
internal static class WorkMetrics
{
    private static readonly Histogram<double> Duration = GridTelemetry.Duration("grid.work.duration", "Time a node works for one phase or step, with fetching what it needs and publishing what it made");
    private static readonly UpDownCounter<long> Running = GridTelemetry.Meter.CreateUpDownCounter<long>("grid.work.running", "{work}", "Phases and steps that a node works for at the moment");

    /// <summary>Work begins.</summary>
    public static void Started(string work) => Running.Add(1, Kind(work));

    /// <summary>Work has ended.</summary>
    /// <param name="work">Name of its span.</param>
    /// <param name="outcome"><c>done</c>, <c>failed</c> or <c>cancelled</c>.</param>
    /// <param name="time">How long it took.</param>
    public static void Ended(string work, string outcome, TimeSpan time)
    {
        Running.Add(-1, Kind(work));
        Duration.Record(time.TotalSeconds, Kind(work), new("grid.outcome", outcome));
    }

    private static KeyValuePair<string, object?> Kind(string work) => new("grid.work.kind", work.Replace(' ', '_'));
}
