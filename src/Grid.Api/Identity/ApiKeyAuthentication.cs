using System.Text.Encodings.Web;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Grid.Api.Identity;

/// <summary>
/// Accepts <c>Authorization: Bearer grid_…</c>, or the same token in the cookie of a browser that has signed in. The cookie goes along with requests of
/// our own pages only; what changes something must also say that it comes from one.
/// </summary>
internal sealed class ApiKeyAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, ApiKeys keys) : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "grid-key";
    private const string Bearer = "Bearer ";

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        var header = Request.Headers.Authorization.ToString();
        var token = header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase) ? header[Bearer.Length..].Trim()
            : header.Length == 0 && IsOurPage(Request) ? SessionCookie.Read(Request) : null;
        if (token is null)
            return AuthenticateResult.NoResult();
        return await keys.FindAsync(token) is { } caller
            ? AuthenticateResult.Success(new AuthenticationTicket(caller.ToPrincipal(SchemeName), SchemeName))
            : AuthenticateResult.Fail("the key is unknown, expired or revoked");
    }

    private static bool IsOurPage(HttpRequest request) =>
        HttpMethods.IsGet(request.Method) || HttpMethods.IsHead(request.Method)
        || (Uri.TryCreate(request.Headers.Origin.ToString(), UriKind.Absolute, out var origin) && string.Equals(origin.Authority, request.Host.Value, StringComparison.OrdinalIgnoreCase));
}

/// <summary>Looks API keys up; one that was found is not asked for again for a moment.</summary>
public sealed class ApiKeys(IGrainFactory grains, TimeProvider time)
{
    /// <summary>How long a revoked key may still be accepted by a node that has just used it.</summary>
    internal static readonly TimeSpan Remembered = TimeSpan.FromSeconds(10);
    private const int MaxRemembered = 10_000;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (ApiKey Key, DateTimeOffset Until)> _known = new(StringComparer.Ordinal);

    /// <summary>The caller a token belongs to; null when it is not accepted.</summary>
    public async Task<Caller?> FindAsync(string text)
    {
        if (!ApiToken.TryParse(text, out var token) || await LookUpAsync(token.Id) is not { } key || !token.Proves(key) || key.ExpiresAt <= time.GetUtcNow())
            return null;
        return new Caller($"key:{key.Id}", key.Tenant, key.Role);
    }

    private async Task<ApiKey?> LookUpAsync(string id)
    {
        var now = time.GetUtcNow();
        lock (_lock)
        {
            if (_known.TryGetValue(id, out var known) && known.Until > now)
                return known.Key;
        }
        var key = await grains.GetGrain<IApiKeyGrain>(id).GetAsync();
        lock (_lock)
        {
            if (key is null)
            {
                _known.Remove(id);
            }
            else
            {
                if (_known.Count >= MaxRemembered)
                    _known.Clear();
                _known[id] = (key, now + Remembered);
            }
        }
        return key;
    }
}
