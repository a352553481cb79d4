using Grid.Api.Audit;
using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Client.Models;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Grid.Api.Routes;

/// <summary>Builds: submit, list, look at, cancel, retry.</summary>
internal static class BuildRoutes
{
    public static void MapBuilds(this IEndpointRouteBuilder routes)
    {
        var builds = routes.MapGroup("/tenants/{tenant}/builds").WithTags("Builds");
        builds.MapPost("", SubmitAsync).Require(Role.Builder).WithName("SubmitBuild").WithSummary("Submit a build; with an Idempotency-Key a repeated request gives the same build. 429 (queue-full) with Retry-After when there is no room: nothing is kept then");
        builds.MapGet("", ListAsync).Require(Role.Viewer).WithEntityTag().WithName("ListBuilds").WithSummary("Builds, newest first");
        builds.MapGet("{build}", GetAsync).Require(Role.Viewer).WithEntityTag().WithName("GetBuild").WithSummary("One build");
        builds.MapGet("{build}/details", DetailsAsync).Require(Role.Viewer).WithEntityTag().WithName("GetBuildDetails")
            .WithSummary("What a build consists of, as far as it is known: group and plan, generated Dockerfiles with the state of each step, layers by origin, times of phases");
        builds.MapPost("{build}/cancel", CancelAsync).Require(Role.Builder).WithName("CancelBuild").WithSummary("Ask a build to stop; it ends cancelled unless it reached another end before");
        builds.MapPost("{build}/retry", RetryAsync).Require(Role.Builder).WithName("RetryBuild").WithSummary("Submit the same build again");
        routes.MapGet("/tenants/{tenant}/apps", ListAppsAsync).Require(Role.Viewer).WithEntityTag().WithTags("Apps").WithName("ListApps").WithSummary("Names of the apps that have builds");
    }

    private static async Task<Accepted<BuildResource>> SubmitAsync(
        string tenant, BuildSubmission submission, HttpContext context, BuildDesk desk, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey = null) =>
        Made(context, await desk.SubmitAsync(tenant, submission, idempotencyKey, context.GetCaller()));

    private static async Task<Ok<Page<BuildResource>>> ListAsync(string tenant, BuildDesk desk, string? app = null, string? after = null, int limit = BuildDesk.DefaultPage) =>
        TypedResults.Ok(await desk.ListAsync(tenant, app, after, limit));

    private static async Task<Ok<Page<string>>> ListAppsAsync(string tenant, BuildDesk desk) => TypedResults.Ok(new Page<string>(await desk.AppsAsync(tenant), null));

    private static async Task<Ok<BuildResource>> GetAsync(string tenant, string build, BuildDesk desk) => TypedResults.Ok(await desk.GetAsync(tenant, build));

    private static async Task<Ok<BuildDetailsResource>> DetailsAsync(string tenant, string build, BuildInspector inspector) => TypedResults.Ok(await inspector.GetAsync(tenant, build));

    private static async Task<Accepted<BuildResource>> CancelAsync(string tenant, string build, HttpContext context, BuildDesk desk) =>
        Accepted(await desk.CancelAsync(tenant, build, context.GetCaller()));

    private static async Task<Accepted<BuildResource>> RetryAsync(string tenant, string build, HttpContext context, BuildDesk desk) =>
        Made(context, await desk.RetryAsync(tenant, build, context.GetCaller()));

    private static Accepted<BuildResource> Made(HttpContext context, BuildResource build)
    {
        context.Audit($"tenants/{build.Tenant}/builds/{build.Id}");
        return Accepted(build);
    }

    private static Accepted<BuildResource> Accepted(BuildResource build) => TypedResults.Accepted($"/v1/tenants/{build.Tenant}/builds/{build.Id}", build);
}
