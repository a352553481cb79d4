using System.Net;
using System.Net.Sockets;
using Grid.Dockerfiles.Keys;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Network;

namespace Grid.Lifecycle.Extend;

/// <summary>
/// Fetches what ADD names by URL into the content store. No credentials and no cookies are sent. Addresses of the node's own network are refused, also
/// behind a name or a redirect, unless the node is told that they are fine: a tenant must not read the metadata service through us.
/// </summary>
public sealed class UrlFetcher : IDisposable
{
    private const string MediaType = "application/octet-stream";
    private const long MaxBytes = 8L << 30;
    private const int MaxRedirects = 10;
    private static readonly TimeSpan MaxSilence = TimeSpan.FromSeconds(60);
    private readonly ContentStore _content;
    private readonly HostPolicy _hosts;
    private readonly EgressList? _list;
    private readonly HttpClient _http;

    /// <param name="content">Where the bytes go.</param>
    /// <param name="hosts">Which hosts may be asked.</param>
    public UrlFetcher(ContentStore content, HostPolicy hosts)
        : this(content, hosts, list: null)
    {
    }

    private UrlFetcher(ContentStore content, HostPolicy hosts, EgressList? list)
    {
        (_content, _hosts, _list) = (content, hosts, list);
        // Through a proxy the proxy decides what is reachable; without one we do, for the address that is really connected to. Redirects are followed by us: each host is looked at.
        var handler = new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false, ConnectTimeout = TimeSpan.FromSeconds(30) };
        if (HttpClient.DefaultProxy.GetProxy(new Uri("http://example.com/")) is null)
            handler.ConnectCallback = (context, cancellationToken) => ConnectAsync(context.DnsEndPoint, cancellationToken);
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.UserAgent.ParseAdd("grid");
    }

    /// <summary>One that asks only listed hosts, after redirects too. It has connections of its own.</summary>
    public UrlFetcher Within(EgressList list) => new(_content, _hosts, list.Within(_list));

    /// <summary>Fetches a URL and gives the digest of its content.</summary>
    /// <param name="url">http or https.</param>
    /// <param name="expected">What the content has to be; when the store has that already nothing is fetched.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <exception cref="FormatException">It cannot be fetched, or is something else than expected.</exception>
    public async Task<FetchedUrl> FetchAsync(string url, Digest? expected, CancellationToken cancellationToken)
    {
        if (expected is { } known && _content.Contains(known))
            return new FetchedUrl(url, known);
        try
        {
            using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            silence.CancelAfter(MaxSilence);
            using var response = await GetAsync(new Uri(url), silence);
            if (!response.IsSuccessStatusCode)
                throw new FormatException($"cannot fetch {Shown(url)}: the server answered {(int)response.StatusCode} {response.ReasonPhrase}");
            await using var body = await response.Content.ReadAsStreamAsync(silence.Token);
            using var writer = _content.CreateWriter();
            var buffer = new byte[128 * 1024];
            for (int read; (read = await body.ReadAsync(buffer, silence.Token)) > 0; silence.CancelAfter(MaxSilence))
            {
                writer.Write(buffer.AsSpan(0, read));
                if (writer.Length > MaxBytes)
                    throw new FormatException($"{Shown(url)} is larger than {MaxBytes >> 30} GiB");
            }
            return new FetchedUrl(url, writer.Commit(MediaType, expected).Digest);
        }
        catch (InvalidDataException e) when (expected is { } wanted)
        {
            throw new FormatException($"digest mismatch: {Shown(url)} is not {wanted}; check the URL and the checksum", e);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new FormatException($"cannot fetch {Shown(url)}: the server has been silent for {MaxSilence.TotalSeconds:0} seconds", e);
        }
        catch (Exception e) when (e is HttpRequestException or UriFormatException or InvalidOperationException or NotSupportedException or HostRefusedException)
        {
            throw new FormatException($"cannot fetch {Shown(url)}: {(e.InnerException ?? e).Message}", e);
        }
    }

    public void Dispose() => _http.Dispose();

    /// <summary>A URL without what may be a password in it.</summary>
    private static string Shown(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var uri) ? uri.GetComponents(UriComponents.SchemeAndServer | UriComponents.Path, UriFormat.UriEscaped) : url;

    /// <summary>Follows redirects, but none from https to http.</summary>
    private async Task<HttpResponseMessage> GetAsync(Uri url, CancellationTokenSource silence)
    {
        for (var redirects = 0; ; redirects++)
        {
            if (_list is not null && !_list.Allows(url.IdnHost, url.Port))
                throw HostRefusedException.NotListed(url.IdnHost, url.Port);
            var response = await _http.GetAsync(url, HttpCompletionOption.ResponseHeadersRead, silence.Token);
            if ((int)response.StatusCode is not (300 or 301 or 302 or 303 or 307 or 308) || response.Headers.Location is not { } location)
                return response;
            var next = new Uri(url, location);
            if (redirects == MaxRedirects || !(next.Scheme == Uri.UriSchemeHttps || (next.Scheme == Uri.UriSchemeHttp && url.Scheme == Uri.UriSchemeHttp)))
                return response;
            response.Dispose();
            silence.CancelAfter(MaxSilence);
            url = next;
        }
    }

    private async ValueTask<Stream> ConnectAsync(DnsEndPoint endPoint, CancellationToken cancellationToken)
    {
        // What is listed as an address may be private: whoever lists it knows it.
        var listed = _list is null ? [] : IPAddress.TryParse(endPoint.Host, out var written) ? [written] : await Dns.GetHostAddressesAsync(endPoint.Host, cancellationToken);
        listed = [.. listed.Where(address => _list!.Contains(address))];
        var allowed = listed.Length > 0 ? listed : await _hosts.ResolveAsync(endPoint.Host, cancellationToken);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(allowed, endPoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
