using Grid.Api;
using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Tenants;
using Grid.Dashboard.Pages;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
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
        return services;
    }

    /// <summary>Adds the pages; call it after <see cref="GridApi.MapGridApi"/>.</summary>
    public static void MapGridDashboard(this WebApplication app)
    {
        app.MapAssets();
        var open = Pages(app.MapGroup("")).OpenForAll();
        open.MapReference();
        open.MapGet("/", HomeAsync);
        open.MapGet("/signin", (string? @return) => SignInPage(@return, failed: false));
        open.MapPost("/signin", SignInAsync);
        open.MapPost("/signout", (HttpContext context) =>
        {
            SessionCookie.Delete(context);
            return Results.Redirect("/signin");
        });
        // The tenant stands in the path, so that rights are checked where the API's are.
        var tenant = Pages(app.MapGroup("/tenants/{tenant}"));
        tenant.MapGet("", TenantAsync).Require(Role.Viewer);
        tenant.MapGet("apps", AppAsync).Require(Role.Viewer);
        tenant.MapGet("compare", CompareAsync).Require(Role.Viewer);
        tenant.MapGet("builds/{build}", BuildAsync).Require(Role.Viewer);
        tenant.MapPost("builds/{build}/cancel", CancelAsync).Require(Role.Builder);
    }

    /// <summary>Nothing in a page may come from elsewhere or run because a build's text says so; forms of other sites do not reach us (the cookie is SameSite=Strict).</summary>
    private static RouteGroupBuilder Pages(RouteGroupBuilder group)
    {
        group.ExcludeFromDescription().DisableAntiforgery().AddEndpointFilter((context, next) =>
        {
            var headers = context.HttpContext.Response.Headers;
            headers.ContentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
            headers.XContentTypeOptions = "nosniff";
            // Not "no-referrer": browsers then hide from us too that a form is of our own page.
            headers["Referrer-Policy"] = "same-origin";
            headers.CacheControl = "no-store";
            return next(context);
        });
        return group;
    }

    private static async Task<IResult> HomeAsync(HttpContext context, IGrainFactory grains)
    {
        if (Caller.From(context.User) is not { } caller)
            return Results.Redirect("/signin");
        if (caller.Role != Role.Operator)
            return Results.Redirect($"/tenants/{caller.Tenant}");
        var names = await grains.GetGrain<ITenantDirectoryGrain>(ITenantDirectoryGrain.Key).ListAsync();
        var tenants = await Task.WhenAll(names.Select(n => grains.GetGrain<ITenantGrain>(n).GetAsync()));
        return Page<Tenants>(new { Caller = caller, Items = (IReadOnlyList<Tenant>)[.. tenants.OfType<Tenant>()] });
    }

    private static async Task<IResult> SignInAsync(HttpContext context, ApiKeys keys, [FromForm] string key, [FromForm(Name = "return")] string? @return = null)
    {
        if (await keys.FindAsync(key.Trim()) is null)
            return SignInPage(@return, failed: true);
        SessionCookie.Write(context, key.Trim());
        return Results.Redirect(Local(@return));
    }

    private static async Task<IResult> TenantAsync(string tenant, HttpContext context, BuildDesk desk, string? after = null) => Page<TenantPage>(new
    {
        Caller = context.GetCaller(), Tenant = await desk.TenantAsync(tenant), Builds = await desk.ListAsync(tenant, null, after, BuildDesk.DefaultPage), Apps = await desk.AppsAsync(tenant),
    });

    private static async Task<IResult> AppAsync(string tenant, string name, HttpContext context, BuildDesk desk, string? after = null) => Page<AppPage>(new
    {
        Caller = context.GetCaller(), Tenant = tenant, App = name, Builds = await desk.ListAsync(tenant, name, after, BuildDesk.DefaultPage),
    });

    private static async Task<IResult> BuildAsync(string tenant, string build, HttpContext context, BuildDesk desk) =>
        Page<BuildPage>(new { Caller = context.GetCaller(), Build = await desk.GetAsync(tenant, build) });

    private static async Task<IResult> CompareAsync(string tenant, string one, string other, HttpContext context, BuildDesk desk, IBuildEvents events, CancellationToken cancellationToken)
    {
        var stories = await Task.WhenAll(new[] { one, other }.Select(async id =>
        {
            var build = await desk.GetAsync(tenant, id);
            return build.State == BuildState.Running
                ? throw new ApiException(ProblemCode.InvalidRequest, $"build {id} still runs; compare it when it is at its end")
                : await BuildStory.ReadAsync(build, events.WatchAsync(BuildDesk.KeyOf(tenant, id), cancellationToken), cancellationToken);
        }));
        return Page<ComparePage>(new { Caller = context.GetCaller(), Tenant = tenant, One = stories[0], Other = stories[1] });
    }

    private static async Task<IResult> CancelAsync(string tenant, string build, HttpContext context, BuildDesk desk)
    {
        await desk.CancelAsync(tenant, build, context.GetCaller());
        return Results.Redirect($"/tenants/{tenant}/builds/{build}");
    }

    private static RazorComponentResult<SignIn> SignInPage(string? @return, bool failed) => Page<SignIn>(new { Failed = failed, Return = Local(@return) });

    /// <summary>A path of this host; anything else is where no sign-in may lead.</summary>
    private static string Local(string? path) => path is ['/', not ('/' or '\\'), ..] ? path : "/";

    private static RazorComponentResult<T> Page<T>(object parameters)
        where T : IComponent => new(parameters);
}
