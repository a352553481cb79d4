using System.Net;
using Grid.Api.Identity;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Grid.Dashboard.Tests;

/// <summary>Pages show nobody what the API would not.</summary>
public sealed class PageAccessTests(PagesUnderTest pages) : IClassFixture<PagesUnderTest>
{
    private static readonly string[] Open = ["/", "/signin", "/signout", "/reference", "/assets/{tag}/{name}"];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private IEnumerable<(HttpMethod Method, string Path, Role? Role)> Routes() =>
        from endpoint in pages.App.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        let path = endpoint.RoutePattern.RawText!
        where !path.StartsWith("/v1", StringComparison.Ordinal) && !path.StartsWith("/openapi", StringComparison.Ordinal)
        from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? ["GET"]
        select (new HttpMethod(method), path, endpoint.Metadata.GetMetadata<RequiredRole>()?.Role);

    private async Task<HttpStatusCode> CallAsync(HttpMethod method, string path, string tenant, string? token)
    {
        var filled = path.TrimStart('/').Replace("{tenant}", tenant, StringComparison.Ordinal).Replace("{pool}", "default", StringComparison.Ordinal)
            .Replace("{node}", "node-1", StringComparison.Ordinal).Replace("{build}", new string('0', 32), StringComparison.Ordinal);
        using var request = new HttpRequestMessage(method, new Uri(filled, UriKind.Relative));
        using var answer = await pages.Http(token).SendAsync(request, Stop);
        return answer.StatusCode;
    }

    [Fact]
    public void Only_the_way_in_is_open() =>
        Routes().Where(r => r.Role is null).Select(r => r.Path).Distinct().ShouldBe(Open, ignoreOrder: true);

    [Fact]
    public async Task Every_other_page_needs_a_key_of_its_role_and_tenant()
    {
        foreach (var (method, path, required) in Routes().Where(r => r.Role is not null))
        {
            (await CallAsync(method, path, "red", null)).ShouldBe(HttpStatusCode.Unauthorized, path);
            var isOfTenant = path.Contains("{tenant}", StringComparison.Ordinal);
            foreach (var role in new[] { Role.Viewer, Role.Builder, Role.Admin })
            {
                var token = await pages.TokenAsync("red", role);
                if (isOfTenant)
                {
                    (await CallAsync(method, path, "blue", token)).ShouldBe(HttpStatusCode.NotFound, $"{role} {path}");
                    (await CallAsync(method, path, "no-such-tenant", token)).ShouldBe(HttpStatusCode.NotFound, $"{role} {path}");
                }
                if (role < required)
                    (await CallAsync(method, path, "red", token)).ShouldBe(HttpStatusCode.Forbidden, $"{role} {path}");
            }
        }
    }

    [Fact]
    public async Task What_is_not_there_is_a_page_for_people_and_a_problem_for_programs()
    {
        var token = await pages.TokenAsync("red", Role.Viewer);
        foreach (var (accept, type) in new[] { ("text/html,*/*;q=0.8", "text/html"), ("*/*", "application/problem+json") })
        {
            foreach (var path in new[] { "tenants/blue", "no/such/page" })
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(path, UriKind.Relative));
                request.Headers.TryAddWithoutValidation("Accept", accept);
                using var answer = await pages.Http(token).SendAsync(request, Stop);
                (answer.StatusCode, answer.Content.Headers.ContentType!.MediaType).ShouldBe((HttpStatusCode.NotFound, type), path);
                answer.Headers.Contains("Content-Security-Policy").ShouldBe(type == "text/html", path);
            }
        }
    }

    [Fact]
    public async Task A_sign_in_leads_nowhere_else()
    {
        foreach (var (asked, led) in new[] { ("/tenants/red", "/tenants/red"), ("//evil.example", "/"), ("/\\evil.example", "/"), ("https://evil.example", "/") })
        {
            using var http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false, UseCookies = false }) { BaseAddress = pages.Address };
            using var form = new FormUrlEncodedContent(new Dictionary<string, string> { ["key"] = pages.OperatorToken, ["return"] = asked });
            using var answer = await http.PostAsync(new Uri("signin", UriKind.Relative), form, Stop);
            answer.Headers.Location!.ToString().ShouldBe(led);
            answer.Headers.GetValues("Set-Cookie").Single().ShouldContain("samesite=strict; httponly");
        }
    }
}
