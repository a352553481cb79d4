using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Grid.Oci.Images;

namespace Grid.Oci.Registry;

/// <summary>
/// Answers registries that want to know who asks: basic authentication, or tokens from the server the registry names (distribution's token
/// specification). Tokens are kept per registry and scope until they end.
/// </summary>
internal sealed class RegistryAuthenticator(
    RegistryOptions options, ICredentialStore credentials, TimeProvider time, Func<HttpRequestMessage, CancellationToken, Task<HttpResponseMessage>> send)
{
    private const int MaxTokenBytes = 1 << 20;
    private readonly ConcurrentDictionary<string, Session> _sessions = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The header to send without having been asked again; null before the first challenge.</summary>
    public async ValueTask<AuthenticationHeaderValue?> CurrentAsync(
        string registry, Uri origin, string scope, CancellationToken cancellationToken)
    {
        if (!_sessions.TryGetValue(registry, out var session))
            return null;
        return session.Fresh(scope, time.GetUtcNow())
            ?? await HeaderAsync(session, registry, origin, scope, session.Challenge, rejected: null, cancellationToken);
    }

    /// <summary>The header that answers a challenge, or null when we have no answer (and the 401 stands).</summary>
    /// <param name="rejected">What was sent and refused; it is not tried again.</param>
    public async Task<AuthenticationHeaderValue?> AnswerAsync(
        string registry, Uri origin, string scope, AuthChallenge? challenge, AuthenticationHeaderValue? rejected, CancellationToken cancellationToken)
    {
        if (challenge is null)
            return null;
        var session = _sessions.GetOrAdd(registry, _ => new Session(challenge));
        session.Challenge = challenge;
        var header = await HeaderAsync(session, registry, origin, scope, challenge, rejected, cancellationToken);
        return header is null || header.Equals(rejected) ? null : header;
    }

    private async Task<AuthenticationHeaderValue?> HeaderAsync(
        Session session, string registry, Uri origin, string scope, AuthChallenge challenge, AuthenticationHeaderValue? rejected, CancellationToken cancellationToken)
    {
        await session.Gate.WaitAsync(cancellationToken);
        try
        {
            // Somebody else may have renewed it while we waited.
            if (session.Fresh(scope, time.GetUtcNow()) is { } known && !known.Equals(rejected))
                return known;
            session.Headers.TryRemove(scope, out _);
            var credential = await credentials.FindAsync(registry, RegistryCall.RepositoryOf(scope), cancellationToken);
            var (header, lifetime) = challenge.IsBasic
                ? (Basic(credential), TimeSpan.FromMinutes(5))
                : await BearerAsync(registry, origin, scope, challenge, credential, cancellationToken);
            if (header is not null)
                session.Headers[scope] = (header, time.GetUtcNow() + lifetime);
            return header;
        }
        finally
        {
            session.Gate.Release();
        }
    }

    private static AuthenticationHeaderValue? Basic(RegistryCredential? credential) => credential switch
    {
        { BearerToken: { } token } => new AuthenticationHeaderValue("Bearer", token),
        { Username: { } user, Password: { } password } =>
            new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"{user}:{password}"))),
        _ => null,
    };

    private async Task<(AuthenticationHeaderValue?, TimeSpan)> BearerAsync(
        string registry, Uri origin, string scope, AuthChallenge challenge, RegistryCredential? credential, CancellationToken cancellationToken)
    {
        if (credential?.BearerToken is { } token)
            return (new AuthenticationHeaderValue("Bearer", token), TimeSpan.FromMinutes(5));
        var realm = Realm(registry, origin, challenge, credential is not null);
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        idle.CancelAfter(options.IdleTimeout);
        using var request = TokenRequest(realm, challenge.Parameters.GetValueOrDefault("service"), scope, credential);
        using var response = await send(request, idle.Token);
        if ((int)response.StatusCode is 408 or 429 or >= 500)
            throw new HttpRequestException($"the token server {realm.Authority} answered {(int)response.StatusCode}");
        if (response.StatusCode != HttpStatusCode.OK)
        {
            var refusal = await RegistryErrors.FromAsync(
                response, registry, $"get a token for '{scope}' from {realm.Authority}", cancellationToken);
            // Whatever the token server says, what it means is that we may not.
            throw new ImageAccessException(
                refusal.Message, response.StatusCode is HttpStatusCode.BadRequest ? HttpStatusCode.Unauthorized : response.StatusCode);
        }
        return await ReadTokenAsync(response, registry, realm, idle.Token);
    }

    private Uri Realm(string registry, Uri origin, AuthChallenge challenge, bool withCredentials)
    {
        var text = challenge.Parameters.GetValueOrDefault("realm");
        if (!Uri.TryCreate(text, UriKind.Absolute, out var realm) || realm.UserInfo.Length > 0
            || (realm.Scheme != Uri.UriSchemeHttps && realm.Scheme != Uri.UriSchemeHttp))
            throw new ImageAccessException(
                $"registry {registry} names no usable token server in its WWW-Authenticate header; check its configuration", HttpStatusCode.Unauthorized);
        var mayBePlain = origin.Scheme == Uri.UriSchemeHttp
            && (realm.IdnHost.Equals(origin.IdnHost, StringComparison.OrdinalIgnoreCase) || RegistryHost.IsLoopback(realm.Authority));
        if (realm.Scheme == Uri.UriSchemeHttp && !mayBePlain)
            throw new ImageAccessException(
                $"registry {registry} names the token server {realm.Authority} without HTTPS, and it is not asked; check the registry's configuration", HttpStatusCode.Unauthorized);
        if (withCredentials && !RegistryHost.MayReceiveCredentials(realm, origin, options))
        {
            throw new ImageAccessException(
                $"registry {registry} wants its credentials to be sent to {realm.Host}, which is not under the same domain, and they are not sent; "
                + $"if {realm.Host} really is its token server, add it to the registry options' TrustedRealms", HttpStatusCode.Unauthorized);
        }
        return realm;
    }

    private static HttpRequestMessage TokenRequest(Uri realm, string? service, string scope, RegistryCredential? credential)
    {
        var scopes = scope.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (credential?.IdentityToken is { } refresh)
        {
            var form = new List<KeyValuePair<string, string>> { new("grant_type", "refresh_token"), new("client_id", "grid"), new("refresh_token", refresh), new("scope", scope) };
            if (service is not null)
                form.Add(new("service", service));
            return new HttpRequestMessage(HttpMethod.Post, realm) { Content = new FormUrlEncodedContent(form) };
        }
        var query = new StringBuilder(realm.Query.TrimStart('?'));
        void Add(string name, string value) =>
            query.Append(query.Length == 0 ? "" : "&").Append(name).Append('=').Append(Uri.EscapeDataString(value));
        if (service is not null)
            Add("service", service);
        foreach (var one in scopes)
            Add("scope", one);
        var request = new HttpRequestMessage(HttpMethod.Get, new UriBuilder(realm) { Query = query.ToString() }.Uri);
        request.Headers.Authorization = Basic(credential);
        return request;
    }

    private static async Task<(AuthenticationHeaderValue?, TimeSpan)> ReadTokenAsync(
        HttpResponseMessage response, string registry, Uri realm, CancellationToken cancellationToken)
    {
        try
        {
            await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
            var buffer = new byte[MaxTokenBytes];
            var length = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
            using var json = JsonDocument.Parse(buffer.AsMemory(0, length));
            var root = json.RootElement;
            var token = Text(root, "token") ?? Text(root, "access_token");
            if (token is null || token.Any(c => c is <= ' ' or > '~'))
                throw new ImageAccessException(
                    $"registry {registry}: the token server {realm.Authority} gave no usable token", HttpStatusCode.Unauthorized);
            // Without expires_in a token lives for 60 s (token specification); one that is about to end is not used any more.
            var seconds = root.TryGetProperty("expires_in", out var value) && value.TryGetDouble(out var given) && given > 0
                ? Math.Min(given, 86_400)
                : 60;
            return (new AuthenticationHeaderValue("Bearer", token), TimeSpan.FromSeconds(Math.Max(seconds - 10, seconds / 2)));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ImageAccessException(
                $"registry {registry}: the token server {realm.Authority} gave no valid JSON", HttpStatusCode.Unauthorized, e);
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text
            : null;

    private sealed class Session(AuthChallenge challenge)
    {
        public AuthChallenge Challenge { get; set; } = challenge;

        public SemaphoreSlim Gate { get; } = new(1);

        public ConcurrentDictionary<string, (AuthenticationHeaderValue Header, DateTimeOffset Until)> Headers { get; } =
            new(StringComparer.Ordinal);

        public AuthenticationHeaderValue? Fresh(string scope, DateTimeOffset now) =>
            Headers.TryGetValue(scope, out var entry) && now < entry.Until ? entry.Header : null;
    }
}
