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

/// <summary>A tenant's cached steps: its own, and nobody else's.</summary>
public sealed class CacheRouteTests(ApiUnderTest api) : IClassFixture<ApiUnderTest>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    private async Task<string> BuildAsync(string tenant, string image)
    {
        api.Grid.Node.Detect = _ => Samples.Detection(Samples.Dockerfile(ImageKind.Run, "ARG base_image\nFROM ${base_image}\nRUN one\nRUN two\n"));
        var client = await api.AsAsync(tenant, Role.Builder);
        using var bytes = new MemoryStream("source"u8.ToArray());
        var digest = Digest.Compute("source"u8).ToString();
        await client.UploadAsync(tenant, digest, bytes, Stop);
        var build = await client.SubmitBuildAsync(tenant, new BuildSubmission
        {
            Image = image, Builder = "registry.example/builder:1",
            Source = new SourceUpload(digest, Digest.Compute("tar"u8).ToString(), 6, "application/vnd.oci.image.layer.v1.tar+gzip"),
        }, Guid.NewGuid().ToString(), Stop);
        (await api.Grid.EndAsync($"{tenant}/{build.Id}")).State.ShouldBe(BuildState.Succeeded);
        return build.Id;
    }

    [Fact]
    public async Task Steps_AreListedByPages_AndForgottenByTheirTenantAlone()
    {
        // Tenants of this test alone: what others built would be in their caches.
        foreach (var tenant in new[] { "one", "other" })
            await api.Operator.SetTenantAsync(tenant, new TenantSettingsResource(), Stop);
        var build = await BuildAsync("one", "registry.example/cache:v1");
        await BuildAsync("other", "registry.example/cache:v1");
        var one = await api.AsAsync("one", Role.Admin);

        var first = await one.ListCachedStepsAsync("one", null, 1, Stop);
        var second = await one.ListCachedStepsAsync("one", first.Next, 200, Stop);
        var steps = first.Items.Concat(second.Items).ToList();
        steps.Select(s => (s.Extension, s.Text)).ShouldBe([("samples/tools", "RUN two"), ("samples/tools", "RUN one")], ignoreOrder: true);
        steps.ShouldAllBe(s => s.Build == build && s.Kind == ImageKind.Run && s.DiffId != null && s.Size > 0);
        (await Should.ThrowAsync<GridApiException>(one.ListCachedStepsAsync("one", "sha256:" + new string('0', 64), 1, Stop))).Status.ShouldBe(HttpStatusCode.BadRequest);

        (await one.PruneCachedStepsAsync("one", new CachePruneRequest { OlderThanSeconds = 3600 }, Stop)).Steps.ShouldBe(0);
        (await one.PruneCachedStepsAsync("one", new CachePruneRequest(), Stop)).Steps.ShouldBe(2);
        (await one.ListCachedStepsAsync("one", null, 10, Stop)).Items.ShouldBeEmpty();
        (await (await api.AsAsync("other", Role.Viewer)).ListCachedStepsAsync("other", null, 10, Stop)).Items.Count.ShouldBe(2);
        await BuildAsync("one", "registry.example/cache:v2");
        (await one.ListCachedStepsAsync("one", null, 10, Stop)).Items.Count.ShouldBe(2);
    }

    [Fact]
    public async Task Answers_HaveATag_AndAreNotSentAgainWhenTheyAreKnown()
    {
        var build = await BuildAsync("red", "registry.example/tags:v1");
        var http = api.Http(await api.TokenAsync("red", Role.Admin));
        foreach (var path in new[] { "", $"/builds/{build}", "/builds", $"/builds/{build}/details", $"/builds/{build}/artifacts", "/apps", "/keys", "/secrets", "/cache" })
        {
            var address = new Uri($"v1/tenants/red{path}", UriKind.Relative);
            using var first = await http.GetAsync(address, Stop);
            first.StatusCode.ShouldBe(HttpStatusCode.OK, path);
            first.Headers.ETag.ShouldNotBeNull(path);
            using var known = await AskAsync(first.Headers.ETag!);
            (known.StatusCode, (await known.Content.ReadAsByteArrayAsync(Stop)).Length).ShouldBe((HttpStatusCode.NotModified, 0), path);
            using var other = await AskAsync(new EntityTagHeaderValue("\"other\""));
            (await other.Content.ReadAsStringAsync(Stop)).ShouldBe(await first.Content.ReadAsStringAsync(Stop), path);

            async Task<HttpResponseMessage> AskAsync(EntityTagHeaderValue tag)
            {
                using var request = new HttpRequestMessage(HttpMethod.Get, address) { Headers = { IfNoneMatch = { tag } } };
                return await http.SendAsync(request, Stop);
            }
        }
    }

    [Fact]
    public async Task Answer_OfABuildThatGoesOn_HasAnotherTag()
    {
        var client = await api.AsAsync("red", Role.Viewer);
        var build = await BuildAsync("red", "registry.example/changes:v1");
        var http = api.Http(await api.TokenAsync("red", Role.Viewer));
        using var before = await http.GetAsync(new Uri("v1/tenants/red/builds", UriKind.Relative), Stop);
        await BuildAsync("red", "registry.example/changes:v2");
        using var after = await http.GetAsync(new Uri("v1/tenants/red/builds", UriKind.Relative), Stop);
        after.Headers.ETag!.Tag.ShouldNotBe(before.Headers.ETag!.Tag);
        (await client.GetBuildAsync("red", build, Stop)).State.ShouldBe(BuildState.Succeeded);
    }
}
