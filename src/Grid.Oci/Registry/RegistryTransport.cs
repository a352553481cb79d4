using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using Grid.Oci.Images;

namespace Grid.Oci.Registry;

/// <summary>
/// Sends requests to registries: finds out the scheme, authorizes, follows redirects without taking credentials along, repeats what may pass.
/// </summary>
internal sealed class RegistryTransport : IDisposable
{
    private const int MaxRedirects = 5;
    private static readonly string UserAgent = "grid/" + (typeof(RegistryTransport).Assembly.GetName().Version?.ToString(3) ?? "0");

    private readonly HttpMessageHandler _handler;
    private readonly HttpMessageInvoker _http;
    private readonly TimeProvider _time;
    private readonly RegistryOptions _options;
    private readonly RegistryAuthenticator _authenticator;
    private readonly ConcurrentDictionary<string, Uri> _origins = new(StringComparer.OrdinalIgnoreCase);

    public RegistryTransport(RegistryOptions options, ICredentialStore credentials, HttpMessageHandler? handler, TimeProvider time)
    {
        _options = options;
        _time = time;
        _handler = handler ?? RegistryConnections.CreateHandler(options);
        _http = new HttpMessageInvoker(_handler, disposeHandler: handler is null);
        _authenticator = new RegistryAuthenticator(options, credentials, time, SendRawAsync);
        Retries = new RetrySchedule(options, time);
    }

    public RegistryOptions Options => _options;

    /// <summary>The same connections with other credentials; tokens are not shared. This transport has to outlive it.</summary>
    public RegistryTransport With(ICredentialStore credentials) => new(_options, credentials, _handler, _time);

    public RetrySchedule Retries { get; }

    public void Dispose() => _http.Dispose();

    /// <summary>Sends, again and again where that helps. <paramref name="what"/> completes "cannot …" in the message for a registry that does not answer.</summary>
    public Task<HttpResponseMessage> SendAsync(RegistryCall call, string what, CancellationToken cancellationToken) =>
        GuardAsync(call.Registry, what, Retries.RunAsync(token => SendOnceAsync(call, token), cancellationToken), cancellationToken);

    /// <summary>Turns the network's exceptions into one that says which registry and what for.</summary>
    public static async Task<HttpResponseMessage> GuardAsync(
        string registry, string what, Task<HttpResponseMessage> sending, CancellationToken cancellationToken)
    {
        try
        {
            return await sending;
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw RegistryErrors.Unreachable(registry, what, new TimeoutException("it stayed silent for too long", e));
        }
        catch (HttpRequestException e)
        {
            throw RegistryErrors.Unreachable(registry, what, e);
        }
    }

    /// <summary>The Location of an answer as an absolute URL. The header's own parser takes "/v2/…" for a file, so its text is what counts.</summary>
    public static Uri? LocationOf(HttpResponseMessage response) =>
        response.Headers.Location is { } location ? new Uri(response.RequestMessage!.RequestUri!, location.OriginalString) : null;

    /// <summary>Sends once; at most one answer to a 401.</summary>
    public async Task<HttpResponseMessage> SendOnceAsync(RegistryCall call, CancellationToken cancellationToken)
    {
        var origin = await OriginAsync(call.Registry, cancellationToken);
        var target = call.Location is null ? new Uri(origin, call.Path) : Reachable(call.Location, origin, call.Registry);
        var own = RegistryHost.IsSameOrigin(target, origin);
        var header = own ? await _authenticator.CurrentAsync(call.Registry, origin, call.Scope, cancellationToken) : null;
        var (response, answeredBy) = await FollowAsync(call, origin, target, header, cancellationToken);
        // A 401 of somebody we were redirected to is not the registry's: it gets no credentials (CVE-2020-15157).
        if (response.StatusCode != HttpStatusCode.Unauthorized || !RegistryHost.IsSameOrigin(answeredBy, origin) || !own)
            return response;
        var fresh = await AnswerAsync(call, origin, response, header, cancellationToken);
        if (fresh is null)
            return response;
        response.Dispose();
        return (await FollowAsync(call, origin, target, fresh, cancellationToken)).Response;
    }

    private async Task<AuthenticationHeaderValue?> AnswerAsync(
        RegistryCall call, Uri origin, HttpResponseMessage response, AuthenticationHeaderValue? rejected, CancellationToken cancellationToken)
    {
        try
        {
            return await _authenticator.AnswerAsync(
                call.Registry, origin, call.Scope, AuthChallenge.From(response.Headers), rejected, cancellationToken);
        }
        catch
        {
            response.Dispose();
            throw;
        }
    }

    private async Task<(HttpResponseMessage Response, Uri AnsweredBy)> FollowAsync(
        RegistryCall call, Uri origin, Uri target, AuthenticationHeaderValue? header, CancellationToken cancellationToken)
    {
        for (var redirects = 0; ; redirects++)
        {
            using var idle = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var patience = call.Patience ?? _options.IdleTimeout;
            idle.CancelAfter(patience);
            using var request = new HttpRequestMessage(call.Method, target);
            foreach (var type in call.Accept)
                request.Headers.Accept.ParseAdd(type);
            if (call.Offset > 0 && call.Body is null)
                request.Headers.Range = new RangeHeaderValue(call.Offset, null);
            request.Headers.Authorization = RegistryHost.IsSameOrigin(target, origin) ? header : null;
            request.Content = call.Body?.Invoke(() => idle.CancelAfter(patience));
            var response = await SendRawAsync(request, idle.Token);
            if (!IsRedirect(response.StatusCode) || response.Headers.Location is null
                || (call.Method != HttpMethod.Get && call.Method != HttpMethod.Head))
                return (response, target);
            var next = Reachable(LocationOf(response)!, origin, call.Registry);
            response.Dispose();
            if (redirects == MaxRedirects)
                throw new ImageAccessException(
                    $"registry {call.Registry} redirected more than {MaxRedirects} times, last to {next.Host}; check its configuration");
            target = next;
        }
    }

    private async Task<HttpResponseMessage> SendRawAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        request.Headers.UserAgent.ParseAdd(UserAgent);
        var response = await RegistryMetrics.MeasureAsync(request.Method, () => _http.SendAsync(request, cancellationToken));
        response.RequestMessage ??= request;
        return response;
    }

    // Where a registry sends us must be as safe as the registry itself: no way from HTTPS to HTTP. A registry behind a proxy that ends TLS often
    // names itself with http; that is meant as the scheme it was asked by.
    private static Uri Reachable(Uri target, Uri origin, string registry)
    {
        if (target.Scheme == Uri.UriSchemeHttps || (target.Scheme == Uri.UriSchemeHttp && origin.Scheme == Uri.UriSchemeHttp))
            return target;
        if (target.Scheme == Uri.UriSchemeHttp && target.IdnHost.Equals(origin.IdnHost, StringComparison.OrdinalIgnoreCase)
            && (target.IsDefaultPort || target.Port == origin.Port))
            return new UriBuilder(target) { Scheme = origin.Scheme, Port = origin.Port }.Uri;
        throw new ImageAccessException(
            $"registry {registry} sends us to {target.Scheme}://{target.Authority}, which is not safe to use from an HTTPS registry; fix its external URL");
    }

    private async ValueTask<Uri> OriginAsync(string registry, CancellationToken cancellationToken)
    {
        if (_origins.TryGetValue(registry, out var known))
            return known;
        var secure = new Uri("https://" + registry);
        if (!RegistryHost.MayBePlain(registry, _options))
            return _origins.GetOrAdd(registry, secure);
        var plain = new Uri("http://" + registry);
        var (first, second) = RegistryHost.IsLoopback(registry) ? (plain, secure) : (secure, plain);
        var failure = await ProbeAsync(first, cancellationToken);
        if (failure is null)
            return _origins.GetOrAdd(registry, first);
        var other = await ProbeAsync(second, cancellationToken);
        return other is null
            ? _origins.GetOrAdd(registry, second)
            : throw new HttpRequestException($"{first.Scheme}: {failure.Message}; {second.Scheme}: {other.Message}", failure);
    }

    // Any answer will do, but not what HTTPS servers say to a plain request.
    private async Task<Exception?> ProbeAsync(Uri origin, CancellationToken cancellationToken)
    {
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        idle.CancelAfter(_options.IdleTimeout);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(origin, "/v2/"));
            using var response = await SendRawAsync(request, idle.Token);
            return response.StatusCode == HttpStatusCode.BadRequest && origin.Scheme == Uri.UriSchemeHttp
                ? new HttpRequestException("the server does not understand plain HTTP")
                : null;
        }
        catch (HttpRequestException e)
        {
            return e;
        }
    }

    private static bool IsRedirect(HttpStatusCode status) => status is HttpStatusCode.MovedPermanently or HttpStatusCode.Found
        or HttpStatusCode.SeeOther or HttpStatusCode.TemporaryRedirect or HttpStatusCode.PermanentRedirect;
}
