using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Oci;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Routing;
using Microsoft.Net.Http.Headers;

namespace Grid.Api.Routes;

/// <summary>What a build left beside its image: report, SBOMs, generated Dockerfiles, group and plan.</summary>
internal static class ArtifactRoutes
{
    public static void MapArtifacts(this IEndpointRouteBuilder routes)
    {
        var artifacts = routes.MapGroup("/tenants/{tenant}/builds/{build}/artifacts").WithTags("Artifacts");
        artifacts.MapGet("", ListAsync).Require(Role.Viewer).WithEntityTag().WithName("ListArtifacts")
            .WithSummary("Files that a build left: report.toml, metadata.toml, SBOMs as buildpacks and extensions made them, generated Dockerfiles, group.toml and plan.toml. What there is grows until the build ends");
        artifacts.MapGet("{**name}", GetAsync).Require(Role.Viewer).WithName("GetArtifact").Produces<Stream>(contentType: "application/octet-stream")
            .WithSummary("One of these files; its ETag is the digest of its bytes");
    }

    private static async Task<Ok<Page<ArtifactResource>>> ListAsync(string tenant, string build, BuildInspector inspector, CancellationToken cancellationToken) =>
        TypedResults.Ok(new Page<ArtifactResource>([.. (await inspector.ArtifactsAsync(tenant, build, cancellationToken)).Select(f => new ArtifactResource(f.Name, f.MediaType, f.Content.Length))], null));

    private static async Task<FileContentHttpResult> GetAsync(string tenant, string build, string name, HttpContext context, BuildInspector inspector, CancellationToken cancellationToken)
    {
        var file = (await inspector.ArtifactsAsync(tenant, build, cancellationToken)).FirstOrDefault(f => f.Name == name) ?? throw ApiException.NotFound();
        // A buildpack wrote it: no browser is to take it for a page.
        context.Response.Headers.XContentTypeOptions = "nosniff";
        return TypedResults.File(file.Content.ToArray(), file.MediaType, Path.GetFileName(file.Name), entityTag: new EntityTagHeaderValue($"\"{Digest.Compute(file.Content.Span)}\""));
    }
}
