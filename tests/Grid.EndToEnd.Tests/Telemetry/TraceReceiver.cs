using System.Collections.Concurrent;
using System.Net;
using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests.Telemetry;

/// <summary>Receives OTLP over http/protobuf on loopback, inside the tests' process.</summary>
public sealed class TraceReceiver : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<(string Path, byte[] Body)> _requests = new();
    private readonly Task _loop;

    public TraceReceiver()
    {
        Endpoint = $"http://127.0.0.1:{LoopbackPort.Free()}/";
        _listener.Prefixes.Add(Endpoint);
        _listener.Start();
        _loop = Task.Run(ReceiveAsync);
    }

    public string Endpoint { get; }

    /// <summary>Everything that was sent, of whichever signal.</summary>
    public IReadOnlyList<byte[]> Bodies => [.. _requests.Select(r => r.Body)];

    public IReadOnlyList<Span> Spans => [.. Of("/v1/traces").SelectMany(Otlp.Spans)];

    public IReadOnlyList<MetricPoint> Metrics => [.. Of("/v1/metrics").SelectMany(Otlp.Metrics)];

    public IReadOnlyList<LogLine> Logs => [.. Of("/v1/logs").SelectMany(Otlp.Logs)];

    public void Dispose()
    {
        _listener.Stop();
        _loop.Wait();
        _listener.Close();
    }

    private IEnumerable<byte[]> Of(string path) => _requests.Where(r => r.Path == path).Select(r => r.Body);

    private async Task ReceiveAsync()
    {
        while (_listener.IsListening)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                _requests.Enqueue((context.Request.Url!.AbsolutePath, body.ToArray()));
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
}
