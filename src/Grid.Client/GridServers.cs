using System.Net;
using System.Net.Http.Json;
using System.Net.Sockets;

namespace Grid.Client;

/// <summary>
/// The servers of one grid, each of which can answer for it. A request whose server does not answer goes to the next one; when none does, all are asked
/// again until <see cref="Patience"/> is over, as long as one of them has answered before: an address that never was right is said to be wrong at once.
/// </summary>
/// <remarks>Only what can be sent twice is: what a server has perhaps begun to do is sent again only when doing it twice is the same as once.</remarks>
public sealed class GridServers : DelegatingHandler
{
    private static readonly TimeSpan FirstDelay = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestDelay = TimeSpan.FromSeconds(5);
    private readonly IReadOnlyList<Uri> _servers;
    private readonly Action<string>? _notice;
    private readonly TimeProvider _time;
    private int _current;
    private volatile bool _hasAnswered;

    /// <summary>Speaks to these servers, the first of them first.</summary>
    /// <param name="servers">Their addresses; the client's base address is the first.</param>
    /// <param name="inner">Sends the requests.</param>
    /// <param name="notice">Is told, on one line, when the servers are waited for.</param>
    /// <param name="time">Measures the wait.</param>
    public GridServers(IReadOnlyList<Uri> servers, HttpMessageHandler inner, Action<string>? notice, TimeProvider time) : base(inner)
    {
        ArgumentNullException.ThrowIfNull(servers);
        ArgumentNullException.ThrowIfNull(time);
        (_servers, _notice, _time) = (servers, notice, time);
    }

    /// <summary>How long all servers may be gone.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Connections that notice within half a minute that the machine at their other end is gone.</summary>
    public static SocketsHttpHandler Connections() => new()
    {
        ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 10);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 5);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveRetryCount, 4);
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken).ConfigureAwait(false);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };

    /// <inheritdoc />
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(request);
        var path = _servers[0].MakeRelativeUri(request.RequestUri!);
        var (started, delay, told) = (_time.GetTimestamp(), FirstDelay, false);
        for (var attempts = 1; ; attempts++)
        {
            var server = Volatile.Read(ref _current);
            HttpResponseMessage? answer = null;
            HttpRequestException? lost = null;
            request.RequestUri = new Uri(_servers[server % _servers.Count], path);
            try
            {
                answer = await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
                _hasAnswered = true;
                if (!IsTemporary(answer.StatusCode) || !IsSameTwice(request))
                    return answer;
            }
            catch (HttpRequestException e) when (IsNotSent(e) || IsSameTwice(request))
            {
                lost = e;
            }
            // Whoever saw it fail first chooses the next.
            Interlocked.CompareExchange(ref _current, server + 1, server);
            if (attempts % _servers.Count == 0)
            {
                if (!_hasAnswered || _time.GetElapsedTime(started) >= Patience)
                    return answer ?? throw new HttpRequestException(lost!.HttpRequestError, $"no server of the grid answers at {string.Join(", ", _servers)} ({lost.InnerException?.Message ?? lost.Message})", lost);
                if (!told)
                    _notice?.Invoke($"{request.RequestUri.GetLeftPart(UriPartial.Authority)} does not answer; trying for {Patience.TotalSeconds:0} s to reach the grid again");
                told = true;
                await Task.Delay(delay, _time, cancellationToken).ConfigureAwait(false);
                delay = delay * 2 > LongestDelay ? LongestDelay : delay * 2;
            }
            answer?.Dispose();
        }
    }

    /// <summary>Whether no server got the request.</summary>
    private static bool IsNotSent(HttpRequestException failure) => failure.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError;

    /// <summary>Whether the request does the same twice as once, and its content is still there to be sent again.</summary>
    private static bool IsSameTwice(HttpRequestMessage request) => (request.Content is null or JsonContent)
        && (request.Method == HttpMethod.Get || request.Method == HttpMethod.Head || request.Method == HttpMethod.Put || request.Method == HttpMethod.Delete || request.Headers.Contains("Idempotency-Key"));

    /// <summary>What a grid answers while work moves from a lost node to another, and proxies while there is no server behind them.</summary>
    private static bool IsTemporary(HttpStatusCode status) => status is HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout;
}
