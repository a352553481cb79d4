using System.Globalization;
using System.Text.Json;

namespace Grid.Lifecycle.Telemetry;

/// <summary>A span as a module wrote it. Nothing of it is believed but its words and, within the module's own, its times.</summary>
/// <param name="Id">Its id within the file; empty when it has none.</param>
/// <param name="ParentId">The id of the span it is in.</param>
/// <param name="Name">Its name.</param>
/// <param name="Start">When it began.</param>
/// <param name="End">When it ended.</param>
internal sealed record WrittenSpan(string Id, string ParentId, string Name, DateTimeOffset Start, DateTimeOffset End)
{
    public IReadOnlyList<KeyValuePair<string, object?>> Attributes { get; init; } = [];

    public IReadOnlyList<(string Name, DateTimeOffset At)> Events { get; init; } = [];

    /// <summary>What went wrong; null when nothing did.</summary>
    public string? Error { get; init; }
}

/// <summary>What was read of a file.</summary>
/// <param name="Spans">Its spans, in their order.</param>
/// <param name="Dropped">Spans that were left out.</param>
/// <param name="Problem">What could not be read, or was too much; null when all of it was.</param>
internal sealed record WrittenSpans(IReadOnlyList<WrittenSpan> Spans, int Dropped, string? Problem);

/// <summary>
/// Reads a file of spans in OpenTelemetry's file format: a JSON object on each line, shaped as OTLP (RFC 0131). The file is a stranger's: its size, the number of
/// its spans, attributes and events, and the length of each text are bounded, and a line that cannot be read is left out.
/// </summary>
internal static class TraceFile
{
    /// <summary>Bytes that are read of a file.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>Spans taken from a file.</summary>
    public const int MaxSpans = 512;

    private const int MaxAttributes = 32;
    private const int MaxEvents = 32;
    private const int MaxText = 256;
    private const int MaxDepth = 16;

    public static WrittenSpans Read(Stream file)
    {
        var (bytes, isCut) = Head(file);
        var spans = new List<WrittenSpan>();
        var dropped = 0;
        var problem = isCut ? $"only the first {MaxBytes} bytes are read" : null;
        foreach (var line in Lines(bytes))
        {
            try
            {
                using var document = JsonDocument.Parse(line, new JsonDocumentOptions { MaxDepth = MaxDepth });
                foreach (var span in SpansOf(document.RootElement))
                {
                    if (spans.Count < MaxSpans && ReadSpan(span) is { } read)
                        spans.Add(read);
                    else
                        dropped++;
                }
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                dropped++;
                problem ??= "a line is not JSON as OTLP has it";
            }
        }
        return new WrittenSpans(spans, dropped, problem ?? (dropped > 0 ? $"{dropped} spans were left out" : null));
    }

    private static (byte[] Bytes, bool IsCut) Head(Stream file)
    {
        var buffer = new byte[MaxBytes + 1];
        var length = file.ReadAtLeast(buffer, buffer.Length, throwOnEndOfStream: false);
        if (length <= MaxBytes)
            return (buffer[..length], false);
        // The line that was cut is not a line.
        var end = buffer.AsSpan(0, MaxBytes).LastIndexOf((byte)'\n');
        return (buffer[..Math.Max(0, end)], true);
    }

    private static IEnumerable<ReadOnlyMemory<byte>> Lines(byte[] bytes)
    {
        for (var at = 0; at < bytes.Length;)
        {
            var end = bytes.AsSpan(at).IndexOf((byte)'\n');
            var length = end < 0 ? bytes.Length - at : end;
            if (bytes.AsSpan(at, length).IndexOfAnyExcept(" \t\r"u8) >= 0)
                yield return bytes.AsMemory(at, length);
            at += length + 1;
        }
    }

    private static IEnumerable<JsonElement> SpansOf(JsonElement request) =>
        from resource in Array(request, "resourceSpans")
        from scope in Array(resource, "scopeSpans")
        from span in Array(scope, "spans")
        select span;

    private static WrittenSpan? ReadSpan(JsonElement span)
    {
        if (Time(span, "startTimeUnixNano") is not { } start || Text(span, "name") is not { Length: > 0 } name)
            return null;
        return new WrittenSpan(Text(span, "spanId"), Text(span, "parentSpanId"), name, start, Time(span, "endTimeUnixNano") ?? start)
        {
            Attributes = [.. Array(span, "attributes").Take(MaxAttributes).Select(Attribute).Where(a => a.Key.Length > 0)],
            Events = [.. Array(span, "events").Take(MaxEvents).Select(e => (Text(e, "name"), Time(e, "timeUnixNano") ?? start))],
            // STATUS_CODE_ERROR
            Error = span.TryGetProperty("status", out var status) && status.ValueKind == JsonValueKind.Object && status.TryGetProperty("code", out var code) && code.ToString() is "2" or "STATUS_CODE_ERROR"
                ? Text(span.GetProperty("status"), "message") : null,
        };
    }

    private static KeyValuePair<string, object?> Attribute(JsonElement attribute)
    {
        var key = Text(attribute, "key");
        if (attribute.ValueKind != JsonValueKind.Object || !attribute.TryGetProperty("value", out var value) || value.ValueKind != JsonValueKind.Object)
            return new("", null);
        foreach (var one in value.EnumerateObject())
        {
            return new(key, one.Name switch
            {
                "boolValue" when one.Value.ValueKind is JsonValueKind.True or JsonValueKind.False => one.Value.GetBoolean(),
                "doubleValue" when one.Value.ValueKind == JsonValueKind.Number => one.Value.GetDouble(),
                // 64-bit numbers are strings in protobuf's JSON.
                "intValue" when long.TryParse(one.Value.ToString(), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => number,
                "stringValue" when one.Value.ValueKind == JsonValueKind.String => Cut(one.Value.GetString()!),
                _ => Cut(one.Value.ToString()),
            });
        }
        return new("", null);
    }

    private static IEnumerable<JsonElement> Array(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var array) && array.ValueKind == JsonValueKind.Array ? array.EnumerateArray() : [];

    private static string Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String ? Cut(text.GetString()!) : "";

    private static DateTimeOffset? Time(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var time) && long.TryParse(time.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var nanoseconds) && nanoseconds > 0
            ? DateTimeOffset.UnixEpoch.AddTicks(nanoseconds / TimeSpan.NanosecondsPerTick) : null;

    /// <summary>A text within its bound, without what would move a terminal's cursor.</summary>
    private static string Cut(string text)
    {
        var cut = text.Length <= MaxText ? text : text[..(char.IsHighSurrogate(text[MaxText - 1]) ? MaxText - 1 : MaxText)];
        return cut.Any(char.IsControl) ? string.Concat(cut.Select(c => char.IsControl(c) ? ' ' : c)) : cut;
    }
}
