using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Secrets;
using Grid.Oci.Content;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Grid.Api.Tests;

/// <summary>Tokens of an OIDC issuer, as the API accepts and refuses them: discovery and keys are fetched over HTTP from a real one.</summary>
public sealed class OidcTests(ApiUnderTest api) : IClassFixture<ApiUnderTest>, IAsyncLifetime
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private readonly string _directory = Directory.CreateTempSubdirectory("grid-oidc-").FullName;
    private OidcIssuer _issuer = null!;
    private WebApplication _app = null!;
    private HttpClient _http = null!;

    public async ValueTask InitializeAsync()
    {
        _issuer = await OidcIssuer.StartAsync();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton(api.Grid.Grains);
        builder.Services.AddSingleton<IBuildEvents>(api.Grid.Events);
        builder.Services.AddSingleton<IBuildArtifacts>(api.Artifacts);
        builder.Services.AddSingleton(new ContentStore(Path.Combine(_directory, "content")));
        builder.Services.AddSingleton(p => new TieredContent(p.GetRequiredService<ContentStore>(), null));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(SecretKeyRing.None);
        builder.Services.AddGridApi(new ApiOptions { DataDirectory = _directory, OidcAuthority = _issuer.Address, OidcAudience = OidcIssuer.Audience, OidcKeyRefresh = TimeSpan.FromSeconds(1) });
        _app = builder.Build();
        _app.MapGridApi();
        await _app.StartAsync(Stop);
        _http = new HttpClient { BaseAddress = new Uri(_app.Urls.First() + "/") };
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _app.DisposeAsync();
        await _issuer.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task<HttpStatusCode> AskAsync(string token, string path = "v1/tenants/red")
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(path, UriKind.Relative)) { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", token) } };
        using var answer = await _http.SendAsync(request, Stop);
        return answer.StatusCode;
    }

    [Fact]
    public async Task A_token_acts_for_its_tenant_in_its_role_and_API_keys_still_work()
    {
        (await AskAsync(_issuer.Token())).ShouldBe(HttpStatusCode.OK);
        (await AskAsync(_issuer.Token(), "v1/tenants/blue")).ShouldBe(HttpStatusCode.NotFound);
        (await AskAsync(_issuer.Token(), "v1/tenants/red/keys")).ShouldBe(HttpStatusCode.Forbidden);
        (await AskAsync(_issuer.Token(new() { ["grid_role"] = "admin" }), "v1/tenants/red/keys")).ShouldBe(HttpStatusCode.OK);
        (await AskAsync(_issuer.Token(new() { ["grid_role"] = "operator", ["grid_tenant"] = null }), "v1/tenants/blue")).ShouldBe(HttpStatusCode.OK);
        (await AskAsync(api.OperatorToken, "v1/tenants/blue")).ShouldBe(HttpStatusCode.OK);
    }

    [Fact]
    public async Task What_a_token_does_stands_in_the_audit_log_under_its_subject()
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, new Uri("v1/tenants/red/secrets/none", UriKind.Relative))
        {
            Headers = { Authorization = new AuthenticationHeaderValue("Bearer", _issuer.Token(new() { ["grid_role"] = "admin", ["sub"] = "ann" })) },
        };
        using var answer = await _http.SendAsync(request, Stop);
        answer.StatusCode.ShouldBe(HttpStatusCode.NotFound);

        (await api.Operator.ListAuditAsync("red", null, 10, Stop)).Items.ShouldContain(e => e.Actor == "user:ann" && e.Action == "RemoveSecret" && e.Result == "not-found");
    }

    [Fact]
    public async Task Tokens_that_are_not_for_us_or_not_from_the_issuer_are_none()
    {
        var wrong = new Dictionary<string, string>
        {
            ["another audience"] = _issuer.Token(new() { ["aud"] = "elsewhere" }),
            ["another issuer"] = _issuer.Token(new() { ["iss"] = "http://127.0.0.1:1" }),
            ["expired"] = _issuer.Token(lifetime: TimeSpan.FromHours(-1)),
            ["not valid yet"] = _issuer.Token(new() { ["nbf"] = TimeProvider.System.GetUtcNow().AddHours(1).ToUnixTimeSeconds() }),
            ["without an end"] = _issuer.Token(new() { ["exp"] = null }),
            ["without a role"] = _issuer.Token(new() { ["grid_role"] = null }),
            ["with an unknown role"] = _issuer.Token(new() { ["grid_role"] = "root" }),
            ["with a role by number"] = _issuer.Token(new() { ["grid_role"] = "7" }),
            ["without a tenant"] = _issuer.Token(new() { ["grid_tenant"] = null }),
            ["without a subject"] = _issuer.Token(new() { ["sub"] = null }),
            ["alg none"] = OidcIssuer.Unsigned("none", _issuer.Claims(), signature: ""),
            ["alg None"] = OidcIssuer.Unsigned("None", _issuer.Claims(), signature: ""),
            ["signed with the public key as a secret"] = _issuer.WithPublicKeyAsSecret(),
            ["signed by a stranger under a known key id"] = _issuer.BySomebodyElse(),
            ["changed after signing"] = Changed(_issuer.Token()),
            ["no token at all"] = "a.b.c",
        };
        foreach (var (what, token) in wrong)
            (await AskAsync(token)).ShouldBe(HttpStatusCode.Unauthorized, what);
    }

    [Fact]
    public async Task A_rotated_key_is_fetched_and_one_that_is_gone_no_longer_counts()
    {
        var before = _issuer.Token();
        (await AskAsync(before)).ShouldBe(HttpStatusCode.OK);

        _issuer.Rotate(keepOld: true);
        // The first token with an unknown key makes the API ask for keys again, at most once in a while; it is refused until they are here.
        await UntilAsync(_issuer.Token(), HttpStatusCode.OK);
        (await AskAsync(before)).ShouldBe(HttpStatusCode.OK);

        _issuer.Rotate(keepOld: false);
        await UntilAsync(_issuer.Token(), HttpStatusCode.OK);
        (await AskAsync(before)).ShouldBe(HttpStatusCode.Unauthorized);
    }

    private async Task UntilAsync(string token, HttpStatusCode expected)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        patience.CancelAfter(TimeSpan.FromMinutes(3));
        while (await AskAsync(token) != expected)
            await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System, patience.Token);
    }

    private static string Changed(string token)
    {
        var parts = token.Split('.');
        var claims = Encoding.UTF8.GetString(System.Buffers.Text.Base64Url.DecodeFromChars(parts[1])).Replace("\"red\"", "\"blue\"", StringComparison.Ordinal);
        return $"{parts[0]}.{System.Buffers.Text.Base64Url.EncodeToString(Encoding.UTF8.GetBytes(claims))}.{parts[2]}";
    }
}
