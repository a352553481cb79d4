using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace Grid.Lifecycle.Telemetry;

/// <summary>The activity source and the meter of this library; docs/telemetry.md says what they show.</summary>
internal static class LifecycleTelemetry
{
    private const string Name = "Grid.Lifecycle";

    public static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);
    private static readonly Counter<long> Spans = Meter.CreateCounter<long>("grid.module.spans", "{span}", "Spans that buildpacks and extensions wrote, by whether they became part of the trace");

    /// <summary>Spans of a module were taken in, or left out because there were too many or they could not be read.</summary>
    public static void Collected(int taken, int dropped)
    {
        if (taken > 0)
            Spans.Add(taken, new KeyValuePair<string, object?>("grid.outcome", "collected"));
        if (dropped > 0)
            Spans.Add(dropped, new KeyValuePair<string, object?>("grid.outcome", "dropped"));
    }
}
