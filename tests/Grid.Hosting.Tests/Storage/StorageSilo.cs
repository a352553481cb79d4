using Grid.Contracts;
using Grid.Grains;
using Grid.Hosting.Configuration;
using Grid.Hosting.Serve;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;
using Orleans.Storage;

namespace Grid.Hosting.Tests.Storage;

/// <summary>A silo with the grain storage that settings name: the storage is what grains get.</summary>
public sealed class StorageSilo : IAsyncDisposable
{
    private readonly IHost _host;

    private StorageSilo(IHost host) => _host = host;

    public IServiceProvider Services => _host.Services;

    public IGrainStorage Storage => Services.GetRequiredKeyedService<IGrainStorage>(GridStorage.Name);

    public static async Task<StorageSilo> StartAsync(NodeOptions options)
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = AppContext.BaseDirectory });
        builder.Services.AddGridLogging();
        builder.UseOrleans(silo => silo
            .WithRealGrains()
            .UseLocalhostClustering(FreePorts.Next(), gatewayPort: 0, serviceId: options.ServiceId, clusterId: "test")
            .Configure<EndpointOptions>(o => o.GatewayPort = 0)
            .AddGridState(options));
        var host = builder.Build();
        await host.StartAsync();
        return new StorageSilo(host);
    }

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync();
        _host.Dispose();
    }
}
