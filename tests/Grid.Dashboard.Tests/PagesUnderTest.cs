using System.Net;
using AngleSharp.Dom;
using AngleSharp.Html.Parser;
using Grid.Api.Tests;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Tenants;
using Grid.Grains.Tests.Cluster;
using Grid.Oci;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;

namespace Grid.Dashboard.Tests;

/// <summary>The pages beside the API, over a silo whose node has two slots.</summary>
public class PagesUnderTest : ApiUnderTest
{
    private static readonly HtmlParser Parser = new();

    internal override Task<TestGrid> StartGridAsync() => TestGrid.StartAsync(slots: 2);

    // A test may have more builds in a second than a caller is to ask for.
    internal override int RequestsPerSecond => 100_000;

    internal override void AddBeside(IServiceCollection services) => services.AddGridDashboard();

    internal override void MapBeside(WebApplication app) => app.MapGridDashboard();

    /// <summary>A page as a browser understands it, which it must answer with 200 and the headers of all pages.</summary>
    internal async Task<IDocument> PageAsync(string path, string? token)
    {
        using var answer = await Http(token).GetAsync(new Uri(path.TrimStart('/'), UriKind.Relative), TestContext.Current.CancellationToken);
        var text = await answer.Content.ReadAsStringAsync(TestContext.Current.CancellationToken);
        answer.StatusCode.ShouldBe(HttpStatusCode.OK, $"{path}: {text}");
        answer.Headers.GetValues("Content-Security-Policy").Single().ShouldStartWith("default-src 'none'; script-src 'self'; style-src 'self';");
        return Parser.ParseDocument(text);
    }

    /// <summary>Submits a build of an app of tenant red.</summary>
    internal async Task<BuildResource> SubmitAsync(GridClient client, string app)
    {
        using var bytes = new MemoryStream("source"u8.ToArray());
        var digest = Digest.Compute("source"u8).ToString();
        await client.UploadAsync("red", digest, bytes, CancellationToken.None);
        return await client.SubmitBuildAsync("red", new BuildSubmission
        {
            Image = $"registry.example/pages/{app}:v1", Builder = "registry.example/builder:1", App = app,
            Source = new SourceUpload(digest, Digest.Compute("tar"u8).ToString(), 6, "application/vnd.oci.image.layer.v1.tar+gzip"),
        }, Guid.NewGuid().ToString(), CancellationToken.None);
    }

    /// <summary>Submits a build and waits for its end.</summary>
    internal async Task<BuildResource> BuildAsync(GridClient client, string app)
    {
        var build = await SubmitAsync(client, app);
        await Grid.EndAsync($"red/{build.Id}");
        return await client.GetBuildAsync("red", build.Id, CancellationToken.None);
    }

    internal Task<GridClient> BuilderAsync() => AsAsync("red", Role.Builder);

    /// <summary>Sends a form of a page; where the answer leads.</summary>
    internal async Task<string> PostAsync(IElement form, string token)
    {
        using var http = new HttpClient(new HttpClientHandler { AllowAutoRedirect = false }) { BaseAddress = Address };
        http.DefaultRequestHeaders.Authorization = new("Bearer", token);
        using var answer = await http.PostAsync(new Uri(form.GetAttribute("action")!, UriKind.Relative), null, TestContext.Current.CancellationToken);
        return answer.Headers.Location!.ToString();
    }
}
