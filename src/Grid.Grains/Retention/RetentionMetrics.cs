using System.Diagnostics.Metrics;
using Grid.Contracts;
using Grid.Contracts.Retention;

namespace Grid.Grains.Retention;

/// <summary>What retention took away.</summary>
internal static class RetentionMetrics
{
    private static readonly Counter<long> Blobs = GridTelemetry.Meter.CreateCounter<long>("grid.retention.blobs", "{blob}", "Blobs removed from the shared tier");
    private static readonly Counter<long> Bytes = GridTelemetry.Meter.CreateCounter<long>("grid.retention.bytes", "By", "Bytes removed from the shared tier");
    private static readonly Counter<long> Builds = GridTelemetry.Meter.CreateCounter<long>("grid.retention.builds", "{build}", "Finished builds that were forgotten");

    public static void Removed(RetentionTally part)
    {
        Blobs.Add(part.Blobs);
        Bytes.Add(part.BlobBytes);
        Builds.Add(part.Builds);
    }
}
