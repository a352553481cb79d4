using System.Net;

namespace Grid.Hosting.Telemetry;

/// <summary>What a node tells of itself.</summary>
[Flags]
public enum Signals
{
    None = 0,
    Traces = 1,
    Metrics = 2,
    Logs = 4,
    All = Traces | Metrics | Logs,
}

/// <summary>Where a process's telemetry goes. The standard <c>OTEL_…</c> variables win over what is named here.</summary>
public sealed record TelemetryOptions
{
    /// <summary>What this process is called among others: <c>service.instance.id</c>.</summary>
    public string Instance { get; init; } = Environment.MachineName;

    /// <summary>Address of an OTLP receiver; null for none.</summary>
    public string? Endpoint { get; init; }

    /// <summary><c>grpc</c> or <c>http/protobuf</c>; null for the exporter's own default.</summary>
    public string? Protocol { get; init; }

    /// <summary>Headers for the receiver, <c>name=value</c> with commas between; null for none.</summary>
    public string? Headers { get; init; }

    /// <summary>What is sent there.</summary>
    public Signals Signals { get; init; } = Signals.All;

    /// <summary>Where <c>/metrics</c> is read without a key; null for nowhere. Port 0 is a free one.</summary>
    public IPEndPoint? MetricsListen { get; init; }
}
