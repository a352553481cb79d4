using Grid.Api;
using Grid.Api.Audit;
using Grid.Api.Identity;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Grid.Dashboard;

/// <summary>The pages for people, beside the API: a table of contents.</summary>
public static class GridDashboard
{
    /// <summary>What the pages need besides the API's own services.</summary>
    public static IServiceCollection AddGridDashboard(this IServiceCollection services)
    {
        services.AddRazorComponents();
        // The framework adds it for forms' tokens, which these pages do not use: no keys are kept anywhere, and nothing warns of them.
        services.AddDataProtection().UseEphemeralDataProtectionProvider();
        // Before the one that writes for programs.
        services.Insert(0, ServiceDescriptor.Singleton<IProblemDetailsWriter, PageProblems>());
        return services;
    }

    /// <summary>Adds the pages; call it after <see cref="GridApi.MapGridApi"/>.</summary>
    public static void MapGridDashboard(this WebApplication app)
    {
        app.MapAssets();
        var open = Pages(app.MapGroup("")).OpenForAll();
        open.MapReference();
        open.MapGet("/", GridPages.HomeAsync);
        open.MapGet("/signin", (string? @return) => SignInPages.Show(@return, failed: false));
        open.MapPost("/signin", SignInPages.SignInAsync);
        open.MapPost("/signout", SignInPages.SignOut);
        // The tenant stands in the path, so that rights are checked where the API's are.
        var tenant = Pages(app.MapGroup("/tenants/{tenant}"));
        tenant.MapGet("", TenantPages.OverviewAsync).Require(Role.Viewer);
        tenant.MapGet("builds", TenantPages.BuildsAsync).Require(Role.Viewer);
        tenant.MapGet("apps", TenantPages.AppsAsync).Require(Role.Viewer);
        tenant.MapGet("settings", TenantPages.SettingsAsync).Require(Role.Viewer);
        tenant.MapGet("compare", BuildPages.CompareAsync).Require(Role.Viewer);
        tenant.MapGet("builds/{build}", BuildPages.GetAsync).Require(Role.Viewer);
        tenant.MapPost("builds/{build}/cancel", BuildPages.CancelAsync).Require(Role.Builder).AuditAs("CancelBuild");
        tenant.MapPost("builds/{build}/retry", BuildPages.RetryAsync).Require(Role.Builder).AuditAs("RetryBuild");
        var pool = Pages(app.MapGroup("/pools/{pool}"));
        pool.MapGet("queue", GridPages.QueueAsync).Require(Role.Operator);
        pool.MapGet("nodes", GridPages.NodesAsync).Require(Role.Operator);
        pool.MapGet("nodes/{node}", GridPages.NodeAsync).Require(Role.Operator);
        pool.MapPost("nodes/{node}/drain", GridPages.DrainAsync).Require(Role.Operator).AuditAs("DrainNode");
        pool.MapPost("nodes/{node}/undrain", GridPages.UndrainAsync).Require(Role.Operator).AuditAs("UndrainNode");
    }

    /// <summary>Forms of other sites do not reach these routes: the cookie is SameSite=Strict.</summary>
    private static RouteGroupBuilder Pages(RouteGroupBuilder group)
    {
        group.ExcludeFromDescription().DisableAntiforgery().AddEndpointFilter((context, next) =>
        {
            PageHeaders.Write(context.HttpContext.Response.Headers);
            return next(context);
        });
        return group;
    }

    /// <summary>A page with its parameters.</summary>
    internal static RazorComponentResult<T> Page<T>(object parameters)
        where T : IComponent => new(parameters);
}
