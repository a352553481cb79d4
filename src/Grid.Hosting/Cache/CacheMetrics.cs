using System.Diagnostics.Metrics;
using Grid.Contracts;

namespace Grid.Hosting.Cache;

/// <summary>What collections of this node's caches do.</summary>
internal static class CacheMetrics
{
    private static readonly Histogram<double> Duration = GridTelemetry.Duration("grid.cache.collection.duration", "Time of a collection of this node's caches");
    private static readonly Counter<long> Removed = GridTelemetry.Meter.CreateCounter<long>("grid.cache.removed", "By", "Bytes that collections removed from this node");
    private static readonly Counter<long> Steps = GridTelemetry.Meter.CreateCounter<long>("grid.cache.forgotten_steps", "{step}", "Cached steps that collections on this node forgot");
    private static readonly Gauge<long> Size = GridTelemetry.Meter.CreateGauge<long>("grid.cache.size", "By", "Bytes of content and unpacked layers on this node after the last collection");
    private static readonly Gauge<long> Over = GridTelemetry.Meter.CreateGauge<long>("grid.cache.over", "By", "Bytes over the bound of this node's caches after the last collection: unfinished builds need them");

    /// <summary>A collection is done.</summary>
    public static void Collected(CacheCollection done, TimeSpan time)
    {
        Duration.Record(time.TotalSeconds);
        Removed.Add(done.BlobBytes, new KeyValuePair<string, object?>("grid.cache.kind", "content"));
        Removed.Add(done.SnapshotBytes, new KeyValuePair<string, object?>("grid.cache.kind", "unpacked"));
        Steps.Add(done.Steps);
        Size.Record(done.BytesLeft);
        Over.Record(done.BytesOver);
    }
}
