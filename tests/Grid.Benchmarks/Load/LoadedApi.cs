using System.Net.Http.Headers;
using System.Text;
using Grid.Api;
using Grid.Benchmarks.Orchestration;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Secrets;
using Grid.Contracts.Tenants;
using Grid.Hosting.Artifacts;
using Grid.Hosting.Events;
using Grid.Oci;
using Grid.Oci.Content;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Grid.Benchmarks.Load;

/// <summary>The product's HTTP API on a port of the loopback interface, over simulated nodes, with journals in files.</summary>
internal sealed class LoadedApi : IAsyncDisposable
{
    private const string MediaType = "application/vnd.oci.image.layer.v1.tar+gzip";
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-load-").FullName;
    private readonly List<HttpClient> _clients = [];
    private SimulatedGrid _grid = null!;
    private WebApplication _app = null!;
    private string _operator = "";
    private int _requests;

    /// <summary>Where journals are written and read.</summary>
    public FileBuildEvents Journals { get; private set; } = null!;

    public Uri Address { get; private set; } = null!;

    /// <summary>Requests that are being answered.</summary>
    public int Requests => _requests;

    public static async Task<LoadedApi> StartAsync()
    {
        var load = new LoadedApi { _grid = await SimulatedGrid.StartAsync(silos: 1, slots: 8, BuildShape.Plain) };
        load.Journals = new FileBuildEvents(Path.Combine(load._directory, "events"));
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton(load._grid.Grains);
        builder.Services.AddSingleton<IBuildEvents>(load.Journals);
        builder.Services.AddSingleton<IBuildArtifacts>(new FileArtifacts(Path.Combine(load._directory, "artifacts")));
        builder.Services.AddSingleton(new ContentStore(Path.Combine(load._directory, "content")));
        builder.Services.AddSingleton(p => new TieredContent(p.GetRequiredService<ContentStore>(), null));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(SecretKeyRing.None);
        builder.Services.AddGridApi(new ApiOptions { DataDirectory = load._directory, RequestsPerSecond = 10_000 });
        load._app = builder.Build();
        load._app.Use(load.CountAsync);
        load._app.MapGridApi();
        await load._app.StartAsync();
        load.Address = new Uri(load._app.Urls.First() + "/");
        var file = Path.Combine(load._directory, "operator");
        await OperatorKey.EnsureAsync(load._grid.Grains, file, TimeProvider.System);
        load._operator = (await File.ReadAllTextAsync(file)).Trim();
        return load;
    }

    /// <summary>Makes a tenant that has uploaded a source, and gives a client with its key.</summary>
    public async Task<(GridClient Client, string Token)> AddTenantAsync(string tenant)
    {
        var admin = new GridClient(Http(), _operator);
        await admin.SetTenantAsync(tenant, new TenantSettingsResource(), CancellationToken.None);
        var key = await admin.CreateKeyAsync(tenant, new ApiKeyRequest { Name = "load", Role = Role.Builder }, CancellationToken.None);
        var client = new GridClient(Http(), key.Token);
        using var source = new MemoryStream("source"u8.ToArray());
        await client.UploadAsync(tenant, Digest.Compute("source"u8).ToString(), source, CancellationToken.None);
        return (client, key.Token);
    }

    public static BuildSubmission Submission(string app) => new()
    {
        Image = $"registry.example/{app}:1", Builder = "registry.example/builder:1",
        Source = new SourceUpload(Digest.Compute("source"u8).ToString(), Digest.Compute(Encoding.UTF8.GetBytes("tar")).ToString(), 6, MediaType),
    };

    /// <summary>A connection of its own.</summary>
    public HttpClient Http(string? token = null)
    {
        var http = new HttpClient(new SocketsHttpHandler()) { BaseAddress = Address, Timeout = Timeout.InfiniteTimeSpan };
        if (token is not null)
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        lock (_clients)
            _clients.Add(http);
        return http;
    }

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(c => c.Dispose());
        await _app.DisposeAsync();
        Journals.Dispose();
        await _grid.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task CountAsync(Microsoft.AspNetCore.Http.HttpContext context, Microsoft.AspNetCore.Http.RequestDelegate next)
    {
        Interlocked.Increment(ref _requests);
        try
        {
            await next(context);
        }
        finally
        {
            Interlocked.Decrement(ref _requests);
        }
    }
}
