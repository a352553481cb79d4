using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Client.Models;
using Grid.Contracts.Retention;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Grid.Api.Routes;

/// <summary>Removing what the grid keeps and needs no more.</summary>
internal static class RetentionRoutes
{
    public static void MapRetention(this IEndpointRouteBuilder routes)
    {
        var retention = routes.MapGroup("/retention").WithTags("Retention");
        retention.MapGet("", GetAsync).Require(Role.Operator).WithEntityTag().WithName("GetRetention").WithSummary("The run that goes on, or the last one");
        retention.MapPost("", StartAsync).Require(Role.Operator).WithName("StartRetention")
            .WithSummary("Start a run unless one goes on: forget finished builds and remove shared content as the settings say, and more when asked");
    }

    private static async Task<Ok<RetentionResource>> GetAsync(IGrainFactory grains) => TypedResults.Ok(Describe(await Retention(grains).GetStatusAsync()));

    private static async Task<Accepted<RetentionResource>> StartAsync(RetentionRunRequest request, IGrainFactory grains)
    {
        if (request.OlderThanSeconds is < 0 or > int.MaxValue || request.MaxBytes is < 0)
            throw new ApiException(ProblemCode.InvalidRequest, "olderThanSeconds and maxBytes: not below 0");
        var status = await Retention(grains).CollectAsync(new RetentionRequest
        {
            OlderThan = request.OlderThanSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null, MaxBytes = request.MaxBytes,
        });
        return TypedResults.Accepted("/v1/retention", Describe(status));
    }

    private static IRetentionGrain Retention(IGrainFactory grains) => grains.GetGrain<IRetentionGrain>(IRetentionGrain.Key);

    private static RetentionResource Describe(RetentionStatus status) => new()
    {
        Run = status.Run, StartedAt = status.StartedAt, FinishedAt = status.FinishedAt, Done = status.Done, Parts = status.Parts, Problem = status.Problem,
        Builds = status.Tally.Builds, Blobs = status.Tally.Blobs, BlobBytes = status.Tally.BlobBytes, BytesLeft = status.Tally.BytesLeft,
    };
}
