using System.Globalization;
using System.Text;

namespace Grid.EndToEnd.Tests.Telemetry;

/// <summary>A span as it was sent by OTLP; <see cref="Instance"/> is the process's <c>service.instance.id</c>.</summary>
public sealed record Span(string TraceId, string SpanId, string ParentId, string Name, ulong Start, ulong End, IReadOnlyDictionary<string, string> Attributes)
{
    public string Instance { get; init; } = "";

    public override string ToString() => $"{Instance}: {Name} {SpanId} in {ParentId} of {TraceId}: {string.Join(' ', Attributes)}";
}

/// <summary>A log record.</summary>
public sealed record LogLine(string TraceId, string SpanId, string Text, string Instance);

/// <summary>A point of a metric, with the traces its exemplars name.</summary>
public sealed record MetricPoint(string Meter, string Name, string Unit, IReadOnlyDictionary<string, string> Tags, IReadOnlyList<string> ExemplarTraces, string Instance);

/// <summary>Reads what OTLP sends: opentelemetry/proto, by field numbers.</summary>
public static class Otlp
{
    // ExportTraceServiceRequest.resource_spans = 1, ResourceSpans.scope_spans = 2, ScopeSpans.spans = 2; the other signals are built alike.
    private const int Resources = 1;
    private const int Scopes = 2;
    private const int Items = 2;

    public static IEnumerable<Span> Spans(byte[] request) =>
        from resource in Protobuf.Fields(request).Messages(Resources).Select(Protobuf.Fields)
        from scope in resource.Messages(Scopes).Select(Protobuf.Fields)
        from span in scope.Messages(Items).Select(Protobuf.Fields)
        select new Span(span.Hex(1), span.Hex(2), span.Hex(4), span.Text(5), span.Value(7), span.Value(8), Attributes(span, 9)) { Instance = InstanceOf(resource) };

    public static IEnumerable<LogLine> Logs(byte[] request) =>
        from resource in Protobuf.Fields(request).Messages(Resources).Select(Protobuf.Fields)
        from scope in resource.Messages(Scopes).Select(Protobuf.Fields)
        from line in scope.Messages(Items).Select(Protobuf.Fields)
        select new LogLine(line.Hex(9), line.Hex(10), Text(line.Messages(5).Select(Protobuf.Fields).FirstOrDefault()), InstanceOf(resource));

    public static IEnumerable<MetricPoint> Metrics(byte[] request) =>
        from resource in Protobuf.Fields(request).Messages(Resources).Select(Protobuf.Fields)
        from scope in resource.Messages(Scopes).Select(Protobuf.Fields)
        from metric in scope.Messages(Items).Select(Protobuf.Fields)
        // Gauge = 5, Sum = 7, Histogram = 9.
        from kind in metric.Where(f => f.Number is 5 or 7 or 9)
        from point in Protobuf.Fields(kind.Bytes).Messages(1).Select(Protobuf.Fields)
        let isHistogram = kind.Number == 9
        select new MetricPoint(scope.Messages(1).Select(Protobuf.Fields).First().Text(1), metric.Text(1), metric.Text(3), Attributes(point, isHistogram ? 9 : 7),
            [.. point.Messages(isHistogram ? 8 : 5).Select(e => Protobuf.Fields(e).Hex(5))], InstanceOf(resource));

    private static string InstanceOf(List<Field> resource) =>
        resource.Messages(1).Select(r => Attributes(Protobuf.Fields(r), 1)).FirstOrDefault()?.GetValueOrDefault("service.instance.id") ?? "";

    private static Dictionary<string, string> Attributes(List<Field> fields, int number) => fields.Messages(number).Select(Protobuf.Fields)
        .ToDictionary(pair => pair.Text(1), pair => Text(pair.Messages(2).Select(Protobuf.Fields).FirstOrDefault()), StringComparer.Ordinal);

    // AnyValue: string_value = 1, array_value = 5, others are numbers here.
    private static string Text(List<Field>? value) => value is not [var field, ..] ? ""
        : field.Number switch
        {
            1 => Encoding.UTF8.GetString(field.Bytes),
            5 => string.Join(' ', Protobuf.Fields(field.Bytes).Messages(1).Select(v => Text(Protobuf.Fields(v)))),
            _ => field.Value.ToString(CultureInfo.InvariantCulture),
        };
}
