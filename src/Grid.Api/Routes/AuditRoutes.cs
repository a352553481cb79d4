using System.Globalization;
using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Client.Models;
using Grid.Contracts.Audit;
using Grid.Contracts.Tenants;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;

namespace Grid.Api.Routes;

/// <summary>Who did what, for a tenant's admins and the grid's operators.</summary>
internal static class AuditRoutes
{
    private const int DefaultPage = 50;
    private const int MaxPage = 200;

    public static void MapAudit(this IEndpointRouteBuilder routes)
    {
        routes.MapGet("/tenants/{tenant}/audit", async (string tenant, BuildDesk desk, IGrainFactory grains, string? after = null, int limit = DefaultPage) =>
        {
            await desk.TenantAsync(tenant);
            return await ListAsync(tenant, grains, after, limit);
        }).Require(Role.Admin).WithEntityTag().WithTags("Audit").WithName("ListTenantAudit").WithSummary("What was done in the tenant and by whom, newest first");
        routes.MapGet("/audit", (IGrainFactory grains, string? after = null, int limit = DefaultPage) => ListAsync(IAuditGrain.GridKey, grains, after, limit))
            .Require(Role.Operator).WithEntityTag().WithTags("Audit").WithName("ListGridAudit").WithSummary("What operators did, and what was refused to others, newest first");
    }

    private static async Task<Ok<Page<AuditEntryResource>>> ListAsync(string log, IGrainFactory grains, string? after, int limit)
    {
        if (limit is < 1 or > MaxPage)
            throw new ApiException(ProblemCode.InvalidRequest, $"limit: 1 to {MaxPage}");
        long? before = null;
        if (after is not null)
            before = long.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw new ApiException(ProblemCode.InvalidRequest, "after: the number of an entry");
        var entries = await grains.GetGrain<IAuditGrain>(log).ListAsync(before, limit + 1);
        return TypedResults.Ok(new Page<AuditEntryResource>(
            [.. entries.Take(limit).Select(e => new AuditEntryResource(e.Number, e.At, e.Actor, e.Action, e.Object, e.Result, e.RequestId))],
            entries.Length > limit ? entries[limit - 1].Number.ToString(CultureInfo.InvariantCulture) : null));
    }
}
