using System.Collections.Concurrent;
using System.Net;
using Grid.Hosting.Tests.Servers;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>A web server on the loopback interface with a few files; counts what it is asked.</summary>
internal sealed class LoopbackSite : IDisposable
{
    private readonly HttpListener _listener = new();

    public LoopbackSite()
    {
        Address = $"http://127.0.0.1:{LoopbackPort.Free()}";
        _listener.Prefixes.Add(Address + "/");
        _listener.Start();
        _ = ServeAsync();
    }

    public string Address { get; }

    /// <summary>Path to content.</summary>
    public ConcurrentDictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    public ConcurrentQueue<string> Asked { get; } = new();

    public void Dispose() => _listener.Close();

    private async Task ServeAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try
            {
                context = await _listener.GetContextAsync();
            }
            catch (Exception e) when (e is HttpListenerException or InvalidOperationException)
            {
                // Closed, perhaps before it was asked for the next one.
                return;
            }
            var path = context.Request.Url!.AbsolutePath;
            Asked.Enqueue(path);
            if (path == "/moved")
            {
                context.Response.Redirect(Address + "/file.txt");
            }
            else if (Files.TryGetValue(path, out var content))
            {
                await context.Response.OutputStream.WriteAsync(content);
            }
            else
            {
                context.Response.StatusCode = 404;
            }
            context.Response.Close();
        }
    }
}
