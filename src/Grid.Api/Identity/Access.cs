using Grid.Api.Problems;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Routing;

namespace Grid.Api.Identity;

/// <summary>The one place where rights are checked: every route says what role it needs, and the tenant in its path must be the caller's.</summary>
public static class Access
{
    internal const string TenantParameter = "tenant";

    /// <summary>
    /// Lets only callers of at least this role through. With a tenant in the path, everybody else gets the same 404 whether the tenant exists or not.
    /// </summary>
    public static TBuilder Require<TBuilder>(this TBuilder route, Role role)
        where TBuilder : IEndpointConventionBuilder
    {
        route.Add(endpoint => endpoint.Metadata.Add(new RequiredRole(role)));
        return route;
    }

    /// <summary>Checks the endpoint's role; runs before anything of a request is read.</summary>
    internal static Task CheckAsync(HttpContext context, RequestDelegate next)
    {
        // What is no route of ours refuses by itself: no such path, method or media type.
        if (context.GetEndpoint() is not RouteEndpoint endpoint)
            return next(context);
        // The last one said is the route's own; a group's comes before it.
        if (endpoint.Metadata.GetMetadata<RequiredRole>() is not { } required)
            return endpoint.Metadata.GetMetadata<OpenToAll>() is not null ? next(context) : throw new ApiException(ProblemCode.Internal, $"{endpoint.DisplayName} says nothing about who may use it");
        var caller = Caller.From(context.User)
            ?? throw new ApiException(ProblemCode.Unauthenticated, "send 'Authorization: Bearer TOKEN' with a key of this grid (grid login, or POST /v1/tenants/{tenant}/keys)");
        if (context.Request.RouteValues.TryGetValue(TenantParameter, out var value) && value is string tenant && !caller.Sees(tenant))
            throw ApiException.NotFound();
        if (caller.Role < required.Role)
            throw new ApiException(ProblemCode.Forbidden, $"this needs the role {required.Role}; {caller.Subject} has the role {caller.Role}");
        context.Features.Set(caller);
        return next(context);
    }

    /// <summary>Marks a route that anybody may call: health, the API's own description.</summary>
    public static TBuilder OpenForAll<TBuilder>(this TBuilder route)
        where TBuilder : IEndpointConventionBuilder
    {
        route.Add(endpoint => endpoint.Metadata.Add(new OpenToAll()));
        return route;
    }

    /// <summary>The caller of a route that requires a role.</summary>
    public static Caller GetCaller(this HttpContext context) => context.Features.GetRequiredFeature<Caller>();

    private sealed record OpenToAll;
}

/// <summary>What a route asks of its callers.</summary>
public sealed record RequiredRole(Role Role);
