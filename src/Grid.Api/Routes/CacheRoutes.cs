using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Client.Models;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Grid.Api.Routes;

/// <summary>A tenant's cached Dockerfile steps. Why a step of a build ran stands in the build's details.</summary>
internal static class CacheRoutes
{
    private const int DefaultPage = 50;
    private const int MaxPage = 200;

    public static void MapCache(this IEndpointRouteBuilder routes)
    {
        var cache = routes.MapGroup("/tenants/{tenant}/cache").WithTags("Cache");
        cache.MapGet("", ListAsync).Require(Role.Viewer).WithEntityTag().WithName("ListCachedSteps")
            .WithSummary("Cached Dockerfile steps of the tenant's own, by extension, the newest first; steps that all tenants share are not among them");
        cache.MapPost("prune", PruneAsync).Require(Role.Admin).WithName("PruneCachedSteps").WithSummary("Forget steps that no build runs and that none used for a time; the next build runs them again");
    }

    private static async Task<Ok<Page<CachedStepResource>>> ListAsync(string tenant, BuildDesk desk, CacheDesk cache, string? after = null, int limit = DefaultPage)
    {
        await desk.TenantAsync(tenant);
        return limit is < 1 or > MaxPage ? throw new ApiException(ProblemCode.InvalidRequest, $"limit: 1 to {MaxPage}") : TypedResults.Ok(await cache.ListAsync(tenant, after, limit));
    }

    private static async Task<Ok<CachePruneResource>> PruneAsync(string tenant, CachePruneRequest request, BuildDesk desk, CacheDesk cache)
    {
        await desk.TenantAsync(tenant);
        return request.OlderThanSeconds is not (>= 0 and <= int.MaxValue) ? throw new ApiException(ProblemCode.InvalidRequest, "olderThanSeconds: not below 0")
            : TypedResults.Ok(await cache.PruneAsync(tenant, TimeSpan.FromSeconds(request.OlderThanSeconds)));
    }
}
