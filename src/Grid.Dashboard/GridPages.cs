using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Queues;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Dashboard.Pages;
using Microsoft.AspNetCore.Http;

namespace Grid.Dashboard;

/// <summary>Pages of who runs the grid: overview, queue, nodes.</summary>
internal static class GridPages
{
    /// <summary>The grid for operators; for others, their tenant.</summary>
    public static async Task<IResult> HomeAsync(HttpContext context, IGrainFactory grains, BuildDesk builds, QueueDesk queues)
    {
        if (Caller.From(context.User) is not { } caller)
            return Results.Redirect("/signin");
        return caller.Role != Role.Operator ? Results.Redirect(Show.TenantPath(caller.Tenant!))
            : GridDashboard.Page<GridPage>(new { Caller = caller, Pool = BuildRequest.DefaultPool, Overview = await GridOverview.ReadAsync(BuildRequest.DefaultPool, grains, builds, queues) });
    }

    public static async Task<IResult> QueueAsync(string pool, HttpContext context, IGrainFactory grains, QueueDesk queues)
    {
        var pools = await queues.PoolsAsync();
        var status = await queues.PoolAsync(pool);
        var names = status.Queue.Running.Select(r => r.Build).Concat(status.Queue.Waiting.Select(w => w.Build)).Select(b => Show.Key(b).Tenant).Distinct();
        var tenants = await Task.WhenAll(names.Select(n => grains.GetGrain<ITenantGrain>(n).GetAsync()));
        return GridDashboard.Page<QueuePage>(new
        {
            Caller = context.GetCaller(), Pool = pool, Pools = pools, Status = status, Tenants = (IReadOnlyDictionary<string, Tenant>)tenants.OfType<Tenant>().ToDictionary(t => t.Name, StringComparer.Ordinal),
        });
    }

    public static async Task<IResult> NodesAsync(string pool, HttpContext context, QueueDesk queues) => await NodesPageAsync(pool, null, context, queues);

    public static async Task<IResult> NodeAsync(string pool, string node, HttpContext context, QueueDesk queues) => await NodesPageAsync(pool, node, context, queues);

    public static Task<IResult> DrainAsync(string pool, string node, QueueDesk queues) => DrainAsync(pool, node, drain: true, queues);

    public static Task<IResult> UndrainAsync(string pool, string node, QueueDesk queues) => DrainAsync(pool, node, drain: false, queues);

    private static async Task<IResult> NodesPageAsync(string pool, string? only, HttpContext context, QueueDesk queues) =>
        GridDashboard.Page<NodesPage>(new { Caller = context.GetCaller(), Pool = pool, Only = only, Pools = await queues.PoolsAsync(), Status = await queues.PoolAsync(pool) });

    private static async Task<IResult> DrainAsync(string pool, string node, bool drain, QueueDesk queues)
    {
        await queues.DrainAsync(pool, node, drain);
        return Results.Redirect($"/pools/{pool}/nodes");
    }
}
