using System.Diagnostics.Metrics;

namespace Grid.Oci;

/// <summary>The meter of this library; docs/telemetry.md says what each instrument measures.</summary>
internal static class OciTelemetry
{
    /// <summary>Name of the meter.</summary>
    private const string MeterName = "Grid.Oci";

    public static readonly Meter Meter = new(MeterName);

    /// <summary>Seconds of requests: from a cached answer to a blob's upload.</summary>
    private static readonly double[] RequestSeconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    public static Histogram<double> RequestDuration(string name, string meaning) =>
        Meter.CreateHistogram(name, "s", meaning, tags: null, new InstrumentAdvice<double> { HistogramBucketBoundaries = RequestSeconds });
}

/// <summary>Which way bytes go, seen from this node.</summary>
internal static class IoDirection
{
    public static readonly KeyValuePair<string, object?> Receive = new("network.io.direction", "receive");

    public static readonly KeyValuePair<string, object?> Transmit = new("network.io.direction", "transmit");
}
