using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Queues;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Grid.Api.Routes;

/// <summary>Nodes and queues, for who runs the grid; and a tenant's own place in the queue.</summary>
internal static class PoolRoutes
{
    private const int MaxWaiting = 1000;

    public static void MapPools(this IEndpointRouteBuilder routes)
    {
        var pool = routes.MapGroup("/pools/{pool}").WithTags("Pools");
        pool.MapGet("nodes", ListNodesAsync).Require(Role.Operator).WithEntityTag().WithName("ListNodes").WithSummary("Nodes of a pool");
        pool.MapPost("nodes/{node}/drain", (string pool, string node, IGrainFactory grains) => DrainAsync(pool, node, drain: true, grains)).Require(Role.Operator)
            .WithName("DrainNode").WithSummary("Give a node no new builds; what runs there goes on");
        pool.MapPost("nodes/{node}/undrain", (string pool, string node, IGrainFactory grains) => DrainAsync(pool, node, drain: false, grains)).Require(Role.Operator)
            .WithName("UndrainNode").WithSummary("Give a node builds again");
        pool.MapGet("queue", GetQueueAsync).Require(Role.Operator).WithEntityTag().WithName("GetQueue").WithSummary("What runs and what waits in a pool");
        routes.MapGet("/tenants/{tenant}/builds/{build}/place", FindAsync).Require(Role.Viewer).WithEntityTag().WithTags("Builds").WithName("GetPlace")
            .WithSummary("Where a waiting build stands: position, reason and estimate; 404 when it does not wait");
    }

    private static async Task<Ok<Page<NodeResource>>> ListNodesAsync(string pool, IGrainFactory grains)
    {
        var status = await Queue(pool, grains).GetStatusAsync(0);
        return TypedResults.Ok(new Page<NodeResource>([.. status.Nodes.OrderBy(n => n.Node.Node, StringComparer.Ordinal).Select(Describe)], null));
    }

    private static async Task<Ok<NodeResource>> DrainAsync(string pool, string node, bool drain, IGrainFactory grains)
    {
        var queue = Queue(pool, grains);
        // A name that is none would be remembered for ever, and nobody would notice the slip.
        if (!(await queue.GetStatusAsync(0)).Nodes.Any(n => n.Node.Node == node))
            throw ApiException.NotFound();
        await queue.DrainAsync(node, drain);
        return TypedResults.Ok(Describe((await queue.GetStatusAsync(0)).Nodes.First(n => n.Node.Node == node)));
    }

    private static async Task<Ok<QueueResource>> GetQueueAsync(string pool, IGrainFactory grains, int waiting = 100)
    {
        if (waiting is < 0 or > MaxWaiting)
            throw new ApiException(ProblemCode.InvalidRequest, $"waiting: 0 to {MaxWaiting}");
        var status = await Queue(pool, grains).GetStatusAsync(waiting);
        return TypedResults.Ok(new QueueResource
        {
            Running = [.. status.Running.OrderBy(r => r.Since).Select(r => new RunningBuildResource(
                r.Build.BuildKey, r.Build.App, r.Build.Class, r.Placement.Home?.Node, r.Placement.RunExtension?.Node, r.Since))],
            WaitingCount = status.WaitingCount,
            Waiting = [.. status.Waiting.Select(Describe)],
        });
    }

    private static async Task<Ok<QueuePlaceResource>> FindAsync(string tenant, string build, BuildDesk desk, IGrainFactory grains)
    {
        await desk.FindAsync(tenant, build);
        var request = await grains.GetGrain<IBuildGrain>(BuildDesk.KeyOf(tenant, build)).GetRequestAsync() ?? throw ApiException.NotFound();
        return TypedResults.Ok(Describe(await Queue(request.Pool, grains).FindAsync(BuildDesk.KeyOf(tenant, build)) ?? throw ApiException.NotFound()));
    }

    private static IQueueGrain Queue(string pool, IGrainFactory grains) => Names.IsTenant(pool) ? grains.GetGrain<IQueueGrain>(pool) : throw ApiException.NotFound();

    private static NodeResource Describe(NodeStatus node) => new()
    {
        Name = node.Node.Node, Slots = node.Slots, Used = node.Used, Guests = node.Guests, Draining = node.Draining, LastSeen = node.LastSeen, Labels = node.Labels,
    };

    private static QueuePlaceResource Describe(QueuePlace place) => new(place.BuildKey, place.Position, place.Reason, place.Estimate?.TotalSeconds, place.Since);
}
