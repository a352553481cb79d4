using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Queues;
using Grid.Api.Secrets;
using Grid.Dashboard.Pages;
using Microsoft.AspNetCore.Http;

namespace Grid.Dashboard;

/// <summary>Pages of a tenant: overview, builds, apps, settings.</summary>
internal static class TenantPages
{
    public static async Task<IResult> OverviewAsync(string tenant, HttpContext context, BuildDesk builds, QueueDesk queues) =>
        GridDashboard.Page<TenantPage>(new { Caller = context.GetCaller(), Overview = await TenantOverview.ReadAsync(tenant, builds, queues) });

    public static async Task<IResult> BuildsAsync(string tenant, HttpContext context, BuildDesk builds, QueueDesk queues, string? after = null)
    {
        // The queue first: what changes after it was read is news to the page.
        await builds.TenantAsync(tenant);
        var queue = await queues.TenantAsync(tenant);
        return GridDashboard.Page<BuildsPage>(new { Caller = context.GetCaller(), Tenant = tenant, Queue = queue, Builds = await builds.ListAsync(tenant, null, after, BuildDesk.DefaultPage) });
    }

    /// <summary>All apps, or one of them.</summary>
    public static async Task<IResult> AppsAsync(string tenant, HttpContext context, BuildDesk builds, QueueDesk queues, string? name = null, string? after = null)
    {
        if (name is null)
            return GridDashboard.Page<AppsPage>(new { Caller = context.GetCaller(), Tenant = tenant, Items = await builds.AppsAsync(tenant) });
        await builds.TenantAsync(tenant);
        var queue = await queues.TenantAsync(tenant);
        return GridDashboard.Page<AppPage>(new { Caller = context.GetCaller(), Tenant = tenant, App = name, Queue = queue, Builds = await builds.ListAsync(tenant, name, after, BuildDesk.DefaultPage) });
    }

    public static async Task<IResult> SettingsAsync(string tenant, HttpContext context, IGrainFactory grains, BuildDesk builds, QueueDesk queues, SecretDesk secrets, TimeProvider time)
    {
        var caller = context.GetCaller();
        return GridDashboard.Page<SettingsPage>(new { Caller = caller, Sheet = await TenantSheet.ReadAsync(tenant, caller, grains, builds, queues, secrets, time) });
    }
}
