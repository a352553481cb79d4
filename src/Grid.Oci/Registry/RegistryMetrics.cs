using System.Diagnostics.Metrics;
using System.Globalization;

namespace Grid.Oci.Registry;

/// <summary>What is measured of registries. Their names and those of repositories are what tenants wrote, and are no tags.</summary>
internal static class RegistryMetrics
{
    private static readonly Histogram<double> Duration = OciTelemetry.RequestDuration("grid.registry.request.duration", "Time until a registry's answer begins; the body of an upload is part of it");
    private static readonly Counter<long> Retries = OciTelemetry.Meter.CreateCounter<long>("grid.registry.retries", "{request}", "Requests sent again, because the one before failed for a reason that may pass");
    private static readonly Counter<long> Io = OciTelemetry.Meter.CreateCounter<long>("grid.registry.io", "By", "Bytes of blobs and manifests from and to registries");

    /// <summary>Sends a request and measures it.</summary>
    public static async Task<HttpResponseMessage> MeasureAsync(HttpMethod method, Func<Task<HttpResponseMessage>> send)
    {
        var started = TimeProvider.System.GetTimestamp();
        try
        {
            var response = await send();
            Record(method, started, new("http.response.status_code", (int)response.StatusCode));
            return response;
        }
        catch (Exception e)
        {
            Record(method, started, new("error.type", e is OperationCanceledException ? "timeout_or_cancelled" : KindOf(e)));
            throw;
        }
    }

    public static void Retried() => Retries.Add(1);

    public static void Received(long bytes) => Io.Add(bytes, IoDirection.Receive);

    public static void Sent(long bytes) => Io.Add(bytes, IoDirection.Transmit);

    private static void Record(HttpMethod method, long started, KeyValuePair<string, object?> outcome) =>
        Duration.Record(TimeProvider.System.GetElapsedTime(started).TotalSeconds, new("http.request.method", method.Method), outcome);

    /// <summary>A word of a small set: .NET's own for what went wrong with a connection.</summary>
    private static string KindOf(Exception e) => e is HttpRequestException { HttpRequestError: var error }
        ? string.Concat(error.ToString().Select((c, n) => char.IsUpper(c) && n > 0 ? $"_{char.ToLower(c, CultureInfo.InvariantCulture)}" : $"{char.ToLower(c, CultureInfo.InvariantCulture)}"))
        : "other";
}
