using System.Net;
using System.Net.Http.Json;
using System.Text;
using Grid.Api.Identity;
using Grid.Client.Models;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Grid.Api.Tests;

/// <summary>Who may do what, on every route there is.</summary>
public sealed class AccessTests(ApiUnderTest api) : IClassFixture<ApiUnderTest>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private sealed record Route(string Method, string Path, Role? Required);

    private List<Route> Routes() =>
    [
        .. from endpoint in api.App.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
           from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]
           select new Route(method, endpoint.RoutePattern.RawText!, endpoint.Metadata.GetMetadata<RequiredRole>()?.Role),
    ];

    private async Task<(HttpStatusCode Status, Problem? Problem)> CallAsync(Route route, string tenant, string? token)
    {
        var path = route.Path.TrimStart('/').Replace("{tenant}", tenant, StringComparison.Ordinal).Replace("{build}", new string('0', 32), StringComparison.Ordinal)
            .Replace("{digest}", "sha256:" + new string('0', 64), StringComparison.Ordinal).Replace("{key}", "0123456789abcdef", StringComparison.Ordinal);
        using var request = new HttpRequestMessage(new HttpMethod(route.Method), new Uri(path, UriKind.Relative));
        if (route.Method is "POST" or "PUT")
            request.Content = new StringContent("{}", Encoding.UTF8, route.Path.Contains("uploads", StringComparison.Ordinal) ? "application/octet-stream" : "application/json");
        using var answer = await api.Http(token).SendAsync(request, Stop);
        var problem = route.Method != "HEAD" && answer.Content.Headers.ContentType?.MediaType == "application/problem+json" ? await answer.Content.ReadFromJsonAsync<Problem>(Stop) : null;
        return (answer.StatusCode, problem);
    }

    [Fact]
    public void Every_route_of_the_api_says_who_may_use_it()
    {
        var routes = Routes();
        routes.Count(r => r.Path.StartsWith("/v1", StringComparison.Ordinal)).ShouldBeGreaterThan(10);
        routes.Where(r => r.Required is null).Select(r => r.Path).ShouldBe(["/openapi/{documentName}.json"]);
    }

    [Fact]
    public async Task Without_a_token_nothing_is_answered()
    {
        foreach (var route in Routes().Where(r => r.Required is not null))
        {
            var (status, problem) = await CallAsync(route, "red", null);
            status.ShouldBe(HttpStatusCode.Unauthorized, $"{route}");
            if (route.Method != "HEAD")
                problem!.Code.ShouldBe("unauthenticated", $"{route}");
        }
    }

    [Theory]
    [InlineData("grid_0123456789abcdef_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    [InlineData("grid_")]
    [InlineData("eyJhbGciOiJub25lIn0.e30.")]
    [InlineData("")]
    public async Task A_wrong_token_is_no_token(string token) =>
        (await CallAsync(new Route("GET", "v1/tenants/red", Role.Viewer), "red", token)).Status.ShouldBe(HttpStatusCode.Unauthorized);

    [Fact]
    public async Task Another_tenant_is_not_there_whatever_the_role_and_whether_it_exists()
    {
        foreach (var role in new[] { Role.Viewer, Role.Builder, Role.Admin })
        {
            var token = await api.TokenAsync("red", role);
            foreach (var route in Routes().Where(r => r.Path.Contains("{tenant}", StringComparison.Ordinal)))
            {
                var (foreign, foreignProblem) = await CallAsync(route, "blue", token);
                var (missing, missingProblem) = await CallAsync(route, "no-such-tenant", token);
                foreign.ShouldBe(HttpStatusCode.NotFound, $"{role} {route}");
                missing.ShouldBe(foreign, $"{role} {route}");
                missingProblem?.Detail.ShouldBe(foreignProblem?.Detail);
            }
        }
    }

    [Fact]
    public async Task A_role_below_the_required_one_is_refused()
    {
        foreach (var role in new[] { Role.Viewer, Role.Builder, Role.Admin })
        {
            var token = await api.TokenAsync("red", role);
            foreach (var route in Routes().Where(r => r.Required > role))
                (await CallAsync(route, "red", token)).Status.ShouldBe(HttpStatusCode.Forbidden, $"{role} {route}");
        }
    }

    [Fact]
    public async Task Keys_AreShownOnce_AndEndWhenRevoked()
    {
        var admin = await api.AsAsync("blue", Role.Admin);
        var created = await admin.CreateKeyAsync("blue", new ApiKeyRequest { Name = "ci", Role = Role.Viewer }, Stop);
        (await admin.ListKeysAsync("blue", Stop)).Items.ShouldContain(created.Key);
        ApiToken.TryParse(created.Token, out var token).ShouldBeTrue();
        (await api.Grid.Grains.GetGrain<IApiKeyGrain>(token!.Id).GetAsync())!.SecretHash.ShouldNotContain(token.Secret);
        (await api.As(created.Token).GetTenantAsync("blue", Stop)).Name.ShouldBe("blue");

        await admin.RevokeKeyAsync("blue", created.Key.Id, Stop);
        (await api.Grid.Grains.GetGrain<IApiKeyGrain>(token.Id).GetAsync()).ShouldBeNull();
        (await admin.ListKeysAsync("blue", Stop)).Items.ShouldNotContain(k => k.Id == created.Key.Id);
        (await api.Grid.Grains.GetGrain<IApiKeyGrain>(token.Id).CreateAsync(new ApiKey { Id = token.Id, Role = Role.Operator, Name = "x", SecretHash = "", CreatedAt = default })).ShouldBeFalse();
    }

    [Fact]
    public async Task Keys_CannotBeMadeWithMoreRightsThanTheirMakers()
    {
        var admin = await api.AsAsync("blue", Role.Admin);
        var error = await Should.ThrowAsync<Client.GridApiException>(admin.CreateKeyAsync("blue", new ApiKeyRequest { Name = "x", Role = Role.Operator }, Stop));
        error.Problem!.Errors!.Keys.ShouldBe(["role"]);
    }

    [Theory]
    [InlineData("DELETE", "v1/tenants", "application/json", HttpStatusCode.MethodNotAllowed)]
    [InlineData("HEAD", "openapi/v1.json", null, HttpStatusCode.MethodNotAllowed)]
    [InlineData("PUT", "v1/tenants/red", "text/plain", HttpStatusCode.UnsupportedMediaType)]
    public async Task A_method_or_media_type_that_a_route_does_not_take_is_no_defect(string method, string path, string? mediaType, HttpStatusCode expected)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(path, UriKind.Relative));
        if (mediaType is not null)
            request.Content = new StringContent("{}", Encoding.UTF8, mediaType);
        using var answer = await api.Http(api.OperatorToken).SendAsync(request, Stop);
        answer.StatusCode.ShouldBe(expected);
        if (method != "HEAD")
            (await answer.Content.ReadFromJsonAsync<Problem>(Stop))!.Code.ShouldBe("invalid-request");
    }

    [Fact]
    public async Task Unknown_paths_and_unreadable_bodies_are_problems_with_codes()
    {
        var (status, problem) = await CallAsync(new Route("GET", "v1/nonsense", null), "red", api.OperatorToken);
        (status, problem!.Code).ShouldBe((HttpStatusCode.NotFound, "not-found"));

        using var answer = await api.Http(api.OperatorToken).PutAsync(new Uri("v1/tenants/red", UriKind.Relative), new StringContent("{\"weight\": 1, \"wieght\": 2}", Encoding.UTF8, "application/json"), Stop);
        answer.StatusCode.ShouldBe(HttpStatusCode.BadRequest);
        (await answer.Content.ReadFromJsonAsync<Problem>(Stop))!.Detail!.ShouldContain("wieght");
    }
}
