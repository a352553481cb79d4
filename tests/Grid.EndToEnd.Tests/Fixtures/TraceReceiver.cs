using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests.Fixtures;

/// <summary>A span as it was sent by OTLP.</summary>
public sealed record Span(string TraceId, string SpanId, string ParentId, string Name, ulong Start, ulong End, IReadOnlyDictionary<string, string> Attributes);

/// <summary>Receives traces by OTLP over http/protobuf on loopback.</summary>
public sealed class TraceReceiver : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<Span> _spans = new();
    private readonly Task _loop;

    public TraceReceiver()
    {
        Endpoint = $"http://127.0.0.1:{LoopbackPort.Free()}/";
        _listener.Prefixes.Add(Endpoint);
        _listener.Start();
        _loop = Task.Run(ReceiveAsync);
    }

    public string Endpoint { get; }

    public IReadOnlyList<Span> Spans => [.. _spans];

    public void Dispose()
    {
        _listener.Stop();
        _loop.Wait();
        _listener.Close();
    }

    private async Task ReceiveAsync()
    {
        while (_listener.IsListening)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                foreach (var span in Read(body.ToArray()))
                    _spans.Enqueue(span);
                context.Response.StatusCode = 200;
                context.Response.ContentType = "application/x-protobuf";
                context.Response.Close();
            }
            catch (Exception e) when (e is HttpListenerException or InvalidOperationException)
            {
                // Stopped, perhaps before it was asked for the next one; or a sender is gone, and the next one comes.
            }
        }
    }

    // ExportTraceServiceRequest.resource_spans = 1, ResourceSpans.scope_spans = 2, ScopeSpans.spans = 2.
    private static IEnumerable<Span> Read(byte[] request) =>
        from resource in Fields(request).Where(f => f.Number == 1)
        from scope in Fields(resource.Bytes).Where(f => f.Number == 2)
        from span in Fields(scope.Bytes).Where(f => f.Number == 2)
        select ReadSpan(Fields(span.Bytes).ToList());

    private static Span ReadSpan(List<Field> fields)
    {
        return new Span(Hex(1), Hex(2), Hex(4), Encoding.UTF8.GetString(One(5).Bytes), One(7).Value, One(8).Value,
            fields.Where(f => f.Number == 9).Select(f => Fields(f.Bytes).ToList()).ToDictionary(
                pair => Encoding.UTF8.GetString(pair.Single(f => f.Number == 1).Bytes), pair => Text(Fields(pair.Single(f => f.Number == 2).Bytes).FirstOrDefault())));

        Field One(int number) => fields.FirstOrDefault(f => f.Number == number);
        string Hex(int number) => Convert.ToHexStringLower(One(number).Bytes ?? []);
    }

    // AnyValue: string_value = 1, others are numbers here.
    private static string Text(Field value) => value.Number == 1 ? Encoding.UTF8.GetString(value.Bytes) : value.Value.ToString(System.Globalization.CultureInfo.InvariantCulture);

    private static List<Field> Fields(byte[] message)
    {
        var fields = new List<Field>();
        for (var at = 0; at < message.Length;)
        {
            var tag = Varint(message, ref at);
            var (number, kind) = ((int)(tag >> 3), (int)(tag & 7));
            switch (kind)
            {
                case 0:
                    fields.Add(new Field(number, [], Varint(message, ref at)));
                    break;
                case 1:
                    fields.Add(new Field(number, [], BitConverter.ToUInt64(message, at)));
                    at += 8;
                    break;
                case 2:
                    var length = (int)Varint(message, ref at);
                    fields.Add(new Field(number, message[at..(at + length)], 0));
                    at += length;
                    break;
                case 5:
                    at += 4;
                    break;
                default:
                    throw new InvalidDataException($"protobuf wire type {kind}");
            }
        }
        return fields;
    }

    private static ulong Varint(byte[] message, ref int at)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var part = message[at++];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
    }

    private readonly record struct Field(int Number, byte[] Bytes, ulong Value);
}
