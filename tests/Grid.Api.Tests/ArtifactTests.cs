using System.Net;
using System.Net.Http.Headers;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Dockerfiles;
using Grid.Grains.Tests;
using Grid.Oci;

namespace Grid.Api.Tests;

/// <summary>What a build left beside its image.</summary>
public sealed class ArtifactTests(ApiUnderTest api) : IClassFixture<ApiUnderTest>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<BuildResource> BuildAsync(GridClient client, string name)
    {
        api.Grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, "ARG base_image\nFROM ${base_image}\nRUN artifacts\n"));
        using var bytes = new MemoryStream("source"u8.ToArray());
        var digest = Digest.Compute("source"u8).ToString();
        await client.UploadAsync("red", digest, bytes, Stop);
        var build = await client.SubmitBuildAsync("red", new BuildSubmission
        {
            Image = $"registry.example/artifacts/{name}:v1", Builder = "registry.example/builder:1",
            Source = new SourceUpload(digest, Digest.Compute("tar"u8).ToString(), 6, "application/vnd.oci.image.layer.v1.tar+gzip"),
        }, Guid.NewGuid().ToString(), Stop);
        await api.Artifacts.WriteAsync($"red/{build.Id}", ArtifactPart.Build, [new ArtifactFile("sbom/launch/samples_app/sbom.cdx.json", "{\"bomFormat\":\"CycloneDX\"}"u8.ToArray())], Stop);
        await api.Artifacts.WriteAsync($"red/{build.Id}", ArtifactPart.Export, [new ArtifactFile("report.toml", "[image]\n"u8.ToArray())], Stop);
        (await api.Grid.EndAsync($"red/{build.Id}")).State.ShouldBe(BuildState.Succeeded);
        return build;
    }

    [Fact]
    public async Task Artifacts_AreListedAndFetched()
    {
        var client = await api.AsAsync("red", Role.Builder);
        var build = await BuildAsync(client, "list");

        var files = (await client.ListArtifactsAsync("red", build.Id, Stop)).Items;

        files.Select(f => (f.Name, f.MediaType)).ShouldBe([
            ("generated/samples_tools/run.Dockerfile", "text/plain"), ("group.toml", "application/toml"), ("plan.toml", "application/toml"),
            ("report.toml", "application/toml"), ("sbom/launch/samples_app/sbom.cdx.json", "application/vnd.cyclonedx+json")]);
        foreach (var file in files)
            (await client.GetArtifactAsync("red", build.Id, file.Name, Stop)).Length.ShouldBe((int)file.Size);
        (await client.GetArtifactAsync("red", build.Id, "report.toml", Stop)).ShouldBe("[image]\n"u8.ToArray());
        (await Should.ThrowAsync<GridApiException>(client.GetArtifactAsync("red", build.Id, "report.toml/x", Stop))).Status.ShouldBe(HttpStatusCode.NotFound);
    }

    [Fact]
    public async Task Artifact_IsSentOnce_AndNeverAsAPage()
    {
        var client = await api.AsAsync("red", Role.Builder);
        var build = await BuildAsync(client, "once");
        var http = api.Http(await api.TokenAsync("red", Role.Viewer));
        var path = new Uri($"v1/tenants/red/builds/{build.Id}/artifacts/sbom/launch/samples_app/sbom.cdx.json", UriKind.Relative);

        using var first = await http.GetAsync(path, Stop);
        first.Content.Headers.ContentType!.MediaType.ShouldBe("application/vnd.cyclonedx+json");
        first.Content.Headers.ContentDisposition!.DispositionType.ShouldBe("attachment");
        first.Headers.GetValues("X-Content-Type-Options").ShouldBe(["nosniff"]);
        using var again = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { IfNoneMatch = { new EntityTagHeaderValue(first.Headers.ETag!.Tag) } } };
        (await http.SendAsync(again, Stop)).StatusCode.ShouldBe(HttpStatusCode.NotModified);
    }
}
