using System.Collections;

namespace Grid.Hosting.Telemetry;

/// <summary>
/// The standard variables of OpenTelemetry, as the environment has them, with a node's own settings for those it has not. The SDK reads most of them from the
/// host's configuration by itself; which signals are sent at all is decided here.
/// </summary>
internal sealed class OtelVariables
{
    private const string Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";
    private readonly Dictionary<string, string?> _values;
    private readonly Signals _wanted;

    private OtelVariables(Dictionary<string, string?> values, Signals wanted) => (_values, _wanted) = (values, wanted);

    /// <summary>All of them, for the configuration.</summary>
    public IEnumerable<KeyValuePair<string, string?>> All => _values;

    /// <summary>What is sent by OTLP.</summary>
    public Signals Exported => new[] { (Signals.Traces, "TRACES"), (Signals.Metrics, "METRICS"), (Signals.Logs, "LOGS") }
        .Where(s => _wanted.HasFlag(s.Item1) && IsExported(s.Item2)).Aggregate(Signals.None, (all, s) => all | s.Item1);

    /// <summary>Name of the service: <c>grid</c> unless it is named otherwise.</summary>
    public string ServiceName => Of("OTEL_SERVICE_NAME") ?? "grid";

    /// <summary>Whether nothing at all is wanted.</summary>
    public bool IsDisabled => string.Equals(Of("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase);

    public static OtelVariables Read(TelemetryOptions options) => Read(Environment.GetEnvironmentVariables(), options);

    /// <summary>Takes the variables; an empty one is none, as the specification of OpenTelemetry has it.</summary>
    internal static OtelVariables Read(IDictionary environment, TelemetryOptions options)
    {
        var values = new Dictionary<string, string?>(StringComparer.Ordinal);
        foreach (DictionaryEntry variable in environment)
        {
            if (variable is { Key: string name, Value: string { Length: > 0 } value } && name.StartsWith("OTEL_", StringComparison.Ordinal))
                values[name] = value;
        }
        foreach (var (name, value) in new[] { (Endpoint, options.Endpoint), ("OTEL_EXPORTER_OTLP_PROTOCOL", options.Protocol), ("OTEL_EXPORTER_OTLP_HEADERS", options.Headers) })
        {
            if (value is { Length: > 0 })
                values.TryAdd(name, value);
        }
        return new OtelVariables(values, options.Signals);
    }

    private bool IsExported(string signal) =>
        !IsDisabled && (Of($"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") ?? Of(Endpoint)) is not null
        && (Of($"OTEL_{signal}_EXPORTER")?.Split(',', StringSplitOptions.TrimEntries).Contains("otlp", StringComparer.OrdinalIgnoreCase) ?? true);

    private string? Of(string name) => _values.GetValueOrDefault(name);
}
