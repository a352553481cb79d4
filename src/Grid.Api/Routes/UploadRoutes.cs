using System.Globalization;
using Grid.Api.Audit;
using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Contracts.Tenants;
using Grid.Oci;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;
using Microsoft.AspNetCore.Routing;

namespace Grid.Api.Routes;

/// <summary>Source archives on their way in: by digest, sent once, resumed where a connection broke.</summary>
internal static class UploadRoutes
{
    internal const string OffsetHeader = "Upload-Offset";
    internal const string CompleteHeader = "Upload-Complete";
    internal const string LengthHeader = "Upload-Length";

    public static void MapUploads(this IEndpointRouteBuilder routes)
    {
        var uploads = routes.MapGroup("/tenants/{tenant}/uploads").WithTags("Uploads");
        uploads.MapMethods("{digest}", [HttpMethods.Head], StateAsync).Require(Role.Builder).WithName("GetUpload")
            .WithSummary($"How much of an archive is here: {CompleteHeader} (?1 or ?0) and {OffsetHeader}");
        uploads.MapPut("{digest}", PutAsync).Require(Role.Builder).WithoutAudit().WithName("PutUpload").Accepts<Stream>("application/octet-stream")
            .WithSummary($"Send an archive, or the rest of it from {OffsetHeader} on; {LengthHeader} is the size of the whole");
    }

    private static async Task<Ok> StateAsync(string tenant, string digest, HttpContext context, BuildDesk desk, Uploads uploads)
    {
        var blob = await CheckAsync(tenant, digest, desk);
        var complete = await uploads.IsHereAsync(tenant, blob);
        context.Response.Headers[CompleteHeader] = complete ? "?1" : "?0";
        if (!complete)
            context.Response.Headers[OffsetHeader] = uploads.Received(tenant, blob).ToString(CultureInfo.InvariantCulture);
        return TypedResults.Ok();
    }

    private static async Task<NoContent> PutAsync(
        string tenant, string digest, HttpContext context, BuildDesk desk, Uploads uploads,
        [FromHeader(Name = OffsetHeader)] long offset = 0, [FromHeader(Name = LengthHeader)] long? length = null)
    {
        var blob = await CheckAsync(tenant, digest, desk);
        var total = length ?? (offset == 0 ? context.Request.ContentLength : null) ?? throw new ApiException(ProblemCode.InvalidRequest, $"{LengthHeader}: say how many bytes the archive has");
        await uploads.ReceiveAsync(tenant, blob, offset, total, context.Request.Body, context.RequestAborted);
        context.Response.Headers[CompleteHeader] = "?1";
        return TypedResults.NoContent();
    }

    private static async Task<Digest> CheckAsync(string tenant, string digest, BuildDesk desk)
    {
        await desk.TenantAsync(tenant);
        return Digest.TryParse(digest, out var blob) ? blob : throw new ApiException(ProblemCode.InvalidRequest, $"digest: sha256: and 64 hexadecimal digits, not '{digest}'");
    }
}
