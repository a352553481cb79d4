using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Grid.Api.Tests;

/// <summary>A small issuer of OIDC tokens on loopback: discovery document, keys that can be rotated, and tokens signed by RS256.</summary>
internal sealed class OidcIssuer : IAsyncDisposable
{
    public const string Audience = "grid-test";
    private readonly WebApplication _app;
    private readonly List<(string Id, RSA Key)> _published = [];
    private readonly List<RSA> _all = [];
    private int _number;

    private OidcIssuer(WebApplication app) => _app = app;

    public string Address => _app.Urls.First();

    public static async Task<OidcIssuer> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var issuer = new OidcIssuer(builder.Build());
        issuer.Rotate(keepOld: false);
        issuer._app.MapGet("/.well-known/openid-configuration", () => Results.Json(new Dictionary<string, object> { ["issuer"] = issuer.Address, ["jwks_uri"] = issuer.Address + "/keys" }));
        issuer._app.MapGet("/keys", () => Results.Json(new { keys = issuer.Keys() }));
        await issuer._app.StartAsync(TestContext.Current.CancellationToken);
        return issuer;
    }

    /// <summary>Signs with a new key from now on; the old ones are published along or no longer.</summary>
    public void Rotate(bool keepOld)
    {
        lock (_published)
        {
            if (!keepOld)
                _published.Clear();
            var key = RSA.Create(2048);
            _all.Add(key);
            _published.Add(($"key-{++_number}", key));
        }
    }

    /// <summary>Claims of a viewer of the tenant <c>red</c>, with others in their place; null takes one away.</summary>
    public Dictionary<string, object> Claims(Dictionary<string, object?>? change = null, TimeSpan? lifetime = null)
    {
        var now = TimeProvider.System.GetUtcNow();
        var claims = new Dictionary<string, object>
        {
            ["iss"] = Address, ["aud"] = Audience, ["sub"] = "bob", ["iat"] = now.AddHours(-2).ToUnixTimeSeconds(), ["nbf"] = now.AddHours(-2).ToUnixTimeSeconds(),
            ["exp"] = (now + (lifetime ?? TimeSpan.FromHours(1))).ToUnixTimeSeconds(), ["grid_tenant"] = "red", ["grid_role"] = "viewer",
        };
        foreach (var (name, value) in change ?? [])
        {
            if (value is null)
                claims.Remove(name);
            else
                claims[name] = value;
        }
        return claims;
    }

    public string Token(Dictionary<string, object?>? change = null, TimeSpan? lifetime = null)
    {
        var (id, key) = Current;
        return Signed("RS256", id, Claims(change, lifetime), data => key.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    /// <summary>The mistake of libraries that let the token choose the algorithm: an HMAC whose secret is the public key.</summary>
    public string WithPublicKeyAsSecret()
    {
        var (id, key) = Current;
        return Signed("HS256", id, Claims(), data => HMACSHA256.HashData(Encoding.ASCII.GetBytes(key.ExportSubjectPublicKeyInfoPem()), data));
    }

    public string BySomebodyElse()
    {
        using var stranger = RSA.Create(2048);
        return Signed("RS256", Current.Id, Claims(), data => stranger.SignData(data, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1));
    }

    public static string Unsigned(string algorithm, Dictionary<string, object> claims, string signature) =>
        $"{Encode(JsonSerializer.SerializeToUtf8Bytes(new { alg = algorithm, typ = "JWT" }))}.{Encode(JsonSerializer.SerializeToUtf8Bytes(claims))}.{signature}";

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _all.ForEach(key => key.Dispose());
    }

    private (string Id, RSA Key) Current
    {
        get
        {
            lock (_published)
                return _published[^1];
        }
    }

    private static string Signed(string algorithm, string id, Dictionary<string, object> claims, Func<byte[], byte[]> sign)
    {
        var text = $"{Encode(JsonSerializer.SerializeToUtf8Bytes(new { alg = algorithm, typ = "JWT", kid = id }))}.{Encode(JsonSerializer.SerializeToUtf8Bytes(claims))}";
        return $"{text}.{Encode(sign(Encoding.ASCII.GetBytes(text)))}";
    }

    private List<Dictionary<string, string>> Keys()
    {
        lock (_published)
        {
            return [.. _published.Select(key =>
            {
                var numbers = key.Key.ExportParameters(includePrivateParameters: false);
                return new Dictionary<string, string> { ["kty"] = "RSA", ["use"] = "sig", ["alg"] = "RS256", ["kid"] = key.Id, ["n"] = Encode(numbers.Modulus!), ["e"] = Encode(numbers.Exponent!) };
            })];
        }
    }

    private static string Encode(byte[] bytes) => Base64Url.EncodeToString(bytes);
}
