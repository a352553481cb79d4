using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Oci;
using Grid.Oci.Images;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Grid.Api.Routes;

/// <summary>Builds: submit, list, look at, cancel, retry.</summary>
internal static class BuildRoutes
{
    private const int DefaultPage = 50;
    private const int MaxPage = 200;

    public static void MapBuilds(this IEndpointRouteBuilder routes)
    {
        var builds = routes.MapGroup("/tenants/{tenant}/builds").WithTags("Builds");
        builds.MapPost("", CreateAsync).Require(Role.Builder).WithName("SubmitBuild").WithSummary("Submit a build; with an Idempotency-Key a repeated request gives the same build");
        builds.MapGet("", ListAsync).Require(Role.Viewer).WithName("ListBuilds").WithSummary("Builds, newest first");
        builds.MapGet("{build}", GetAsync).Require(Role.Viewer).WithName("GetBuild").WithSummary("One build");
        builds.MapPost("{build}/cancel", CancelAsync).Require(Role.Builder).WithName("CancelBuild").WithSummary("Ask a build to stop; it ends cancelled unless it reached another end before");
        builds.MapPost("{build}/retry", RetryAsync).Require(Role.Builder).WithName("RetryBuild").WithSummary("Submit the same build again");
        routes.MapGet("/tenants/{tenant}/apps", ListAppsAsync).Require(Role.Viewer).WithTags("Apps").WithName("ListApps").WithSummary("Names of the apps that have builds");
    }

    private static async Task<Accepted<BuildResource>> CreateAsync(
        string tenant, BuildSubmission submission, HttpContext context, IGrainFactory grains, TimeProvider time, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey = null)
    {
        var settings = (await TenantRoutes.FindAsync(tenant, grains)).Settings;
        if (idempotencyKey is { Length: 0 or > 200 })
            throw new ApiException(ProblemCode.InvalidRequest, "Idempotency-Key: 1 to 200 characters");
        var request = Submissions.ToRequest(tenant, submission, settings);
        Policy.Check(tenant, settings, request);
        return await SubmitAsync(tenant, request, idempotencyKey, context, grains, time);
    }

    private static async Task<Accepted<BuildResource>> SubmitAsync(
        string tenant, BuildRequest request, string? idempotencyKey, HttpContext context, IGrainFactory grains, TimeProvider time)
    {
        var index = grains.GetGrain<IBuildIndexGrain>(tenant);
        var hash = Digest.Compute(JsonSerializer.SerializeToUtf8Bytes(request)).Hex;
        var id = idempotencyKey is null ? Guid.CreateVersion7(time.GetUtcNow()).ToString("N") : await IdOfAsync(tenant, idempotencyKey, grains, time);
        if (idempotencyKey is not null && await index.FindAsync(id) is { } known && known.RequestHash != hash)
            throw new ApiException(ProblemCode.IdempotencyMismatch, "this Idempotency-Key was used for another build; use a new one");
        if (!await grains.GetGrain<IUploadGrain>($"{tenant}/{request.Source.Blob.Digest.Hex}").IsCompleteAsync())
            throw new ApiException(ProblemCode.SourceMissing, $"upload the source first: PUT /v1/tenants/{tenant}/uploads/{request.Source.Blob.Digest}");
        var entry = new BuildEntry(id, request.App, request.Targets[0], time.GetUtcNow(), context.GetCaller().Subject, hash);
        // Known before it runs: a build that nobody can find again would be lost to its owner.
        await index.AddAsync(entry);
        await grains.GetGrain<IBuildIndexGrain>($"{tenant}/{request.App}").AddAsync(entry);
        var status = await grains.GetGrain<IBuildGrain>(KeyOf(tenant, id)).SubmitAsync(request with { TraceParent = System.Diagnostics.Activity.Current?.Id });
        return TypedResults.Accepted($"/v1/tenants/{tenant}/builds/{id}", Describe(tenant, entry, status));
    }

    private static async Task<Ok<Page<BuildResource>>> ListAsync(string tenant, IGrainFactory grains, string? app = null, string? after = null, int limit = DefaultPage)
    {
        await TenantRoutes.FindAsync(tenant, grains);
        if (limit is < 1 or > MaxPage)
            throw new ApiException(ProblemCode.InvalidRequest, $"limit: 1 to {MaxPage}");
        if (after is not null && !Names.IsBuild(after))
            throw new ApiException(ProblemCode.InvalidRequest, "after: the id of a build");
        if (app is not null && !Names.IsApp(app))
            throw new ApiException(ProblemCode.InvalidRequest, $"app: {Names.AppRule}");
        var entries = await grains.GetGrain<IBuildIndexGrain>(app is null ? tenant : $"{tenant}/{app}").ListAsync(after, limit + 1);
        var page = await Task.WhenAll(entries.Take(limit).Select(async e => Describe(tenant, e, await grains.GetGrain<IBuildGrain>(KeyOf(tenant, e.Id)).GetStatusAsync())));
        return TypedResults.Ok(new Page<BuildResource>(page, entries.Length > limit ? page[^1].Id : null));
    }

    private static async Task<Ok<Page<string>>> ListAppsAsync(string tenant, IGrainFactory grains)
    {
        await TenantRoutes.FindAsync(tenant, grains);
        return TypedResults.Ok(new Page<string>(await grains.GetGrain<IBuildIndexGrain>(tenant).AppsAsync(), null));
    }

    private static async Task<Ok<BuildResource>> GetAsync(string tenant, string build, IGrainFactory grains) => TypedResults.Ok(await DescribeAsync(tenant, build, grains));

    private static async Task<Accepted<BuildResource>> CancelAsync(string tenant, string build, HttpContext context, IGrainFactory grains)
    {
        await FindAsync(tenant, build, grains);
        await grains.GetGrain<IBuildGrain>(KeyOf(tenant, build)).CancelAsync($"cancelled by {context.GetCaller().Subject}");
        return TypedResults.Accepted($"/v1/tenants/{tenant}/builds/{build}", await DescribeAsync(tenant, build, grains));
    }

    private static async Task<Accepted<BuildResource>> RetryAsync(string tenant, string build, HttpContext context, IGrainFactory grains, TimeProvider time)
    {
        await FindAsync(tenant, build, grains);
        var request = await grains.GetGrain<IBuildGrain>(KeyOf(tenant, build)).GetRequestAsync() ?? throw ApiException.NotFound();
        // What was allowed then need not be allowed now.
        Policy.Check(tenant, (await TenantRoutes.FindAsync(tenant, grains)).Settings, request);
        return await SubmitAsync(tenant, request with { TraceParent = null }, idempotencyKey: null, context, grains, time);
    }

    /// <summary>The build's entry, or 404.</summary>
    internal static async Task<BuildEntry> FindAsync(string tenant, string build, IGrainFactory grains)
    {
        await TenantRoutes.FindAsync(tenant, grains);
        return Names.IsBuild(build) && await grains.GetGrain<IBuildIndexGrain>(tenant).FindAsync(build) is { } entry ? entry : throw ApiException.NotFound();
    }

    internal static string KeyOf(string tenant, string build) => $"{tenant}/{build}";

    private static async Task<BuildResource> DescribeAsync(string tenant, string build, IGrainFactory grains) =>
        Describe(tenant, await FindAsync(tenant, build, grains), await grains.GetGrain<IBuildGrain>(KeyOf(tenant, build)).GetStatusAsync());

    private static BuildResource Describe(string tenant, BuildEntry entry, BuildStatus status) => new()
    {
        Id = entry.Id,
        Tenant = tenant,
        App = entry.App,
        Image = entry.Image,
        State = status.State,
        SubmittedAt = entry.SubmittedAt,
        FinishedAt = status.FinishedAt,
        Phases = status.Phases.Select((state, phase) => ((Phase)phase, state)).ToDictionary(p => p.Item1, p => p.state),
        Failure = status.Failure is { } failure ? new BuildFailure(failure.ExitCode, failure.Phase, failure.Message, failure.Output) : null,
        Digest = status.Image?.Digest,
        Locations = status.Image?.Locations ?? [],
    };

    /// <summary>The id a tenant's idempotency key stands for: made once, remembered by a grain of the key's own.</summary>
    private static Task<string> IdOfAsync(string tenant, string key, IGrainFactory grains, TimeProvider time) =>
        grains.GetGrain<IIdempotencyGrain>($"{tenant}/{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key)))}").ClaimAsync(Guid.CreateVersion7(time.GetUtcNow()).ToString("N"));
}
