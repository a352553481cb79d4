using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Api.Queues;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Grid.Api.Routes;

/// <summary>Nodes and queues, for who runs the grid; and a tenant's own place in the queue.</summary>
internal static class PoolRoutes
{
    public static void MapPools(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/pools", async (QueueDesk desk) => TypedResults.Ok(new Page<PoolSummaryResource>(await desk.PoolsAsync(), null))).Require(Role.Operator).WithEntityTag()
            .WithTags("Pools").WithName("ListPools").WithSummary("Pools of nodes: what waits and runs in each, slots, nodes");
        var pool = routes.MapGroup("/pools/{pool}").WithTags("Pools");
        pool.MapGet("nodes", ListNodesAsync).Require(Role.Operator).WithEntityTag().WithName("ListNodes").WithSummary("Nodes of a pool");
        pool.MapPost("nodes/{node}/drain", (string pool, string node, QueueDesk desk) => DrainAsync(pool, node, drain: true, desk)).Require(Role.Operator)
            .WithName("DrainNode").WithSummary("Give a node no new builds; what runs there goes on");
        pool.MapPost("nodes/{node}/undrain", (string pool, string node, QueueDesk desk) => DrainAsync(pool, node, drain: false, desk)).Require(Role.Operator)
            .WithName("UndrainNode").WithSummary("Give a node builds again");
        pool.MapGet("queue", GetQueueAsync).Require(Role.Operator).WithEntityTag().WithName("GetQueue").WithSummary("What runs and what waits in a pool");
        pool.MapGet("events", WatchQueue).Require(Role.Operator).WithName("WatchPool")
            .WithSummary("The pool's nodes and queue as server-sent events: now, and each time something has changed; an event's id names what was seen ('known', or Last-Event-ID)");
        var queue = routes.MapGroup("/tenants/{tenant}/queue").WithTags("Builds");
        queue.MapGet("", GetTenantQueueAsync).Require(Role.Viewer).WithEntityTag().WithName("GetTenantQueue").WithSummary("The tenant's builds that run, and those that wait with position, reason and estimate");
        queue.MapGet("events", WatchTenantQueueAsync).Require(Role.Viewer).WithName("WatchTenantQueue").WithSummary("The same as server-sent events: now, and each time something has changed");
        routes.MapGet("/tenants/{tenant}/builds/{build}/place", FindAsync).Require(Role.Viewer).WithEntityTag().WithTags("Builds").WithName("GetPlace")
            .WithSummary("Where a waiting build stands: position, reason and estimate; 404 when it does not wait");
    }

    private static async Task<Ok<Page<NodeResource>>> ListNodesAsync(string pool, QueueDesk desk) => TypedResults.Ok(new Page<NodeResource>((await desk.PoolAsync(pool, 0)).Nodes, null));

    private static async Task<Ok<NodeResource>> DrainAsync(string pool, string node, bool drain, QueueDesk desk) => TypedResults.Ok(await desk.DrainAsync(pool, node, drain));

    private static async Task<Ok<QueueResource>> GetQueueAsync(string pool, QueueDesk desk, int waiting = 100) =>
        waiting is < 0 or > QueueDesk.MaxWaiting ? throw new ApiException(ProblemCode.InvalidRequest, $"waiting: 0 to {QueueDesk.MaxWaiting}")
        : TypedResults.Ok((await desk.PoolAsync(pool, waiting)).Queue);

    private static ServerSentEventsResult<PoolResource?> WatchQueue(
        string pool, QueueDesk desk, CancellationToken cancellationToken, [FromHeader(Name = EventRoutes.LastEventId)] string? last = null, string? known = null) =>
        TypedResults.ServerSentEvents(desk.WatchPoolAsync(pool, last ?? known, cancellationToken));

    private static async Task<Ok<QueueResource>> GetTenantQueueAsync(string tenant, BuildDesk builds, QueueDesk desk, string pool = BuildRequest.DefaultPool)
    {
        await builds.TenantAsync(tenant);
        return TypedResults.Ok(await desk.TenantAsync(tenant, pool));
    }

    private static async Task<ServerSentEventsResult<QueueResource?>> WatchTenantQueueAsync(
        string tenant, BuildDesk builds, QueueDesk desk, CancellationToken cancellationToken, [FromHeader(Name = EventRoutes.LastEventId)] string? last = null, string? known = null, string pool = BuildRequest.DefaultPool)
    {
        await builds.TenantAsync(tenant);
        return TypedResults.ServerSentEvents(desk.WatchTenantAsync(tenant, pool, last ?? known, cancellationToken));
    }

    private static async Task<Ok<QueuePlaceResource>> FindAsync(string tenant, string build, BuildDesk builds, QueueDesk desk)
    {
        await builds.FindAsync(tenant, build);
        return TypedResults.Ok(await desk.FindAsync(tenant, build) ?? throw ApiException.NotFound());
    }
}
