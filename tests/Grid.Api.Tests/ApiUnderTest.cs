using System.Net.Http.Headers;
using Grid.Client;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Secrets;
using Grid.Contracts.Tenants;
using Grid.Grains.Tests.Cluster;
using Grid.Oci.Content;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Grid.Api.Tests;

/// <summary>The API on a port of the loopback address, over silos with a scripted node; tenants <c>red</c> and <c>blue</c> with a key of each role.</summary>
public class ApiUnderTest : IAsyncLifetime
{
    private readonly List<HttpClient> _clients = [];
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-api-").FullName;
    private WebApplication _app = null!;

    internal TestGrid Grid { get; private set; } = null!;

    public Uri Address { get; private set; } = null!;

    public string OperatorToken { get; private set; } = "";

    public GridClient Operator => As(OperatorToken);

    internal WebApplication App => _app;

    internal KeptArtifacts Artifacts { get; } = new();

    /// <summary>The silos below.</summary>
    internal virtual Task<TestGrid> StartGridAsync() => TestGrid.StartAsync();

    /// <summary>How often one caller may ask.</summary>
    internal virtual int RequestsPerSecond => 100;

    /// <summary>Services of what stands beside the API.</summary>
    internal virtual void AddBeside(IServiceCollection services)
    {
    }

    /// <summary>Routes of what stands beside the API.</summary>
    internal virtual void MapBeside(WebApplication app)
    {
    }

    public async ValueTask InitializeAsync()
    {
        Grid = await StartGridAsync();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddSingleton(Grid.Grains);
        builder.Services.AddSingleton<IBuildEvents>(Grid.Events);
        builder.Services.AddSingleton<IBuildArtifacts>(Artifacts);
        builder.Services.AddSingleton(new ContentStore(Path.Combine(_directory, "content")));
        builder.Services.AddSingleton(p => new TieredContent(p.GetRequiredService<ContentStore>(), null));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(SecretKeyRing.Parse(SecretKeyRing.NewEntry("k1")));
        builder.Services.AddGridApi(new ApiOptions { DataDirectory = _directory, MaxUploadBytes = 1024 * 1024, RequestsPerSecond = RequestsPerSecond });
        AddBeside(builder.Services);
        _app = builder.Build();
        _app.MapGridApi();
        MapBeside(_app);
        await _app.StartAsync(TestContext.Current.CancellationToken);
        Address = new Uri(_app.Urls.First() + "/");
        var file = Path.Combine(_directory, "operator");
        await OperatorKey.EnsureAsync(Grid.Grains, file, TimeProvider.System);
        OperatorToken = (await File.ReadAllTextAsync(file)).Trim();
        foreach (var tenant in new[] { "red", "blue" })
            await Operator.SetTenantAsync(tenant, new TenantSettingsResource(), CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        _clients.ForEach(c => c.Dispose());
        await _app.DisposeAsync();
        await Grid.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>A client with a new key of a tenant.</summary>
    internal async Task<GridClient> AsAsync(string tenant, Role role) => As(await TokenAsync(tenant, role));

    internal async Task<string> TokenAsync(string tenant, Role role) =>
        (await Operator.CreateKeyAsync(tenant, new ApiKeyRequest { Name = $"{tenant} {role}", Role = role }, CancellationToken.None)).Token;

    internal GridClient As(string token) => new(Http(null), token);

    /// <summary>A client that sends what it is told, with a token or without.</summary>
    internal HttpClient Http(string? token)
    {
        var http = new HttpClient { BaseAddress = Address };
        if (token is not null)
            http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        _clients.Add(http);
        return http;
    }
}
