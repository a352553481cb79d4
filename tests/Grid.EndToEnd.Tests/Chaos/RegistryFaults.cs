using System.Collections.Concurrent;
using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Grid.EndToEnd.Tests.Chaos;

/// <summary>A request that came to the registry.</summary>
/// <param name="From">Who sent it.</param>
/// <param name="Method">Its method.</param>
/// <param name="Path">Its path.</param>
/// <param name="Status">What the registry itself answered; 0 when it was not asked.</param>
internal sealed record RegistryRequest(IPAddress From, string Method, string Path, int Status);

/// <summary>What the registry does instead of answering.</summary>
internal enum RegistryFault
{
    None,
    /// <summary>It answers 500 and does nothing.</summary>
    Error,
    /// <summary>It does nothing until the fault is over.</summary>
    Stall,
    /// <summary>It does what it was asked, and closes the connection.</summary>
    LoseAnswer,
}

/// <summary>A proxy before a registry that can do wrong what registries do wrong.</summary>
internal sealed class RegistryFaults : IAsyncDisposable
{
    private static readonly HashSet<string> HopByHop = new(StringComparer.OrdinalIgnoreCase) { "Connection", "Transfer-Encoding", "Keep-Alive", "Host", "Content-Length" };
    private readonly HttpMessageInvoker _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly WebApplication _app;
    private readonly string _registry;
    private readonly ConcurrentQueue<RegistryRequest> _requests = new();
    private readonly Lock _lock = new();
    private int _stalled;
    private Func<HttpRequest, RegistryFault> _fault = _ => RegistryFault.None;
    private TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private RegistryFaults(WebApplication app, string registry) => (_app, _registry) = (app, registry);

    /// <summary>Host and port, as they stand in image names.</summary>
    public string Host { get; private set; } = "";

    /// <summary>What came, in the order in which it was answered.</summary>
    public IReadOnlyList<RegistryRequest> Requests => [.. _requests];

    /// <summary>How many requests have been stalled so far.</summary>
    public int Stalled => _stalled;

    /// <summary>Starts a proxy on an address, before the registry at <paramref name="registry"/>.</summary>
    public static async Task<RegistryFaults> StartAsync(IPAddress address, string registry)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(address, 0);
            kestrel.Limits.MaxRequestBodySize = null;
        });
        builder.Logging.ClearProviders();
        var app = builder.Build();
        var proxy = new RegistryFaults(app, registry);
        app.Run(proxy.AnswerAsync);
        await app.StartAsync();
        proxy.Host = new Uri(app.Urls.Single()).Authority;
        return proxy;
    }

    /// <summary>From now on requests meet what this says.</summary>
    public void Begin(Func<HttpRequest, RegistryFault> fault)
    {
        lock (_lock)
            (_fault, _over) = (fault, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
    }

    /// <summary>All goes well again; what stalls goes on.</summary>
    public void End()
    {
        lock (_lock)
        {
            _fault = _ => RegistryFault.None;
            _over.TrySetResult();
        }
    }

    public async ValueTask DisposeAsync()
    {
        End();
        await _app.DisposeAsync();
        _http.Dispose();
    }

    private async Task AnswerAsync(HttpContext context)
    {
        RegistryFault fault;
        Task over;
        lock (_lock)
            (fault, over) = (_fault(context.Request), _over.Task);
        try
        {
            if (fault == RegistryFault.Stall)
            {
                Interlocked.Increment(ref _stalled);
                await over.WaitAsync(context.RequestAborted);
            }
            if (fault == RegistryFault.Error)
            {
                _requests.Enqueue(Describe(context, 0));
                context.Response.StatusCode = StatusCodes.Status500InternalServerError;
                return;
            }
            await ForwardAsync(context, loseAnswer: fault == RegistryFault.LoseAnswer);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException or HttpRequestException or BadHttpRequestException)
        {
            // One of the two sides is gone.
            context.Abort();
        }
    }

    private async Task ForwardAsync(HttpContext context, bool loseAnswer)
    {
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), new Uri($"http://{_registry}{context.Request.Path}{context.Request.QueryString}"));
        // The registry names itself as it was asked for.
        request.Headers.Host = Host;
        if (context.Request.ContentLength is > 0 || context.Request.Headers.TransferEncoding.Count > 0)
        {
            request.Content = new StreamContent(context.Request.Body);
            request.Content.Headers.ContentLength = context.Request.ContentLength;
        }
        else if (context.Request.Method is "PUT" or "POST" or "PATCH")
        {
            request.Content = new ByteArrayContent([]);
        }
        foreach (var (name, value) in context.Request.Headers.Where(h => !HopByHop.Contains(h.Key)))
        {
            if (!request.Headers.TryAddWithoutValidation(name, value.AsEnumerable()))
                request.Content?.Headers.TryAddWithoutValidation(name, value.AsEnumerable());
        }
        // To the end, also when who asked is gone: what the registry has done must be known.
        using var answer = await _http.SendAsync(request, CancellationToken.None);
        _requests.Enqueue(Describe(context, (int)answer.StatusCode));
        if (loseAnswer)
        {
            context.Abort();
            return;
        }
        context.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, value) in answer.Headers.Concat(answer.Content.Headers).Where(h => h.Key.Equals("Content-Length", StringComparison.OrdinalIgnoreCase) || !HopByHop.Contains(h.Key)))
            context.Response.Headers[name] = value.ToArray();
        await answer.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
    }

    private static RegistryRequest Describe(HttpContext context, int status) =>
        new(context.Connection.RemoteIpAddress!, context.Request.Method, context.Request.Path, status);
}
