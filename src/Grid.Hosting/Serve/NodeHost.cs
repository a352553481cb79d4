using System.Net;
using Grid.Api;
using Grid.Api.Identity;
using Grid.Dashboard;
using Grid.Hosting.Configuration;
using Grid.Hosting.Telemetry;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;

namespace Grid.Hosting.Serve;

/// <summary>A node could not start; nothing of it runs.</summary>
public sealed class NodeStartException(NodeOptions options, Exception reason) : Exception($"node {options.Name} cannot start: {Innermost(reason)}", reason)
{
    /// <summary>What the service said that could not be reached, rather than what was made of it on the way.</summary>
    private static string Innermost(Exception e)
    {
        while ((e as AggregateException)?.InnerExceptions[0] is { } first)
            e = first;
        return e.InnerException is { } inner ? Innermost(inner) : e.Message;
    }
}

/// <summary>A node of a grid in this process: the silo, its worker and the HTTP endpoint.</summary>
public sealed class NodeHost : IAsyncDisposable
{
    /// <summary>How long a stop may take before it is cut short. What was lost then is taken up by another node, as after a crash.</summary>
    public static readonly TimeSpan StopTimeout = TimeSpan.FromSeconds(25);

    private readonly WebApplication _app;
    private readonly DataDirectoryLock _lock;

    private NodeHost(WebApplication app, DataDirectoryLock directoryLock) => (_app, _lock) = (app, directoryLock);

    /// <summary>What the node runs on.</summary>
    public IServiceProvider Services => _app.Services;

    /// <summary>Starts everything, or throws and leaves nothing running.</summary>
    public static async Task<NodeHost> StartAsync(NodeOptions options, CancellationToken cancellationToken)
    {
        PrivateDirectory.Create(options.Node.DataDirectory);
        var directoryLock = await DataDirectoryLock.TakeAsync(options.Node.DataDirectory, cancellationToken);
        var app = Build(options);
        try
        {
            await app.StartAsync(cancellationToken);
            if (options.Roles.HasFlag(NodeRoles.Api))
                await OperatorKey.EnsureAsync(app.Services.GetRequiredService<IGrainFactory>(), options.OperatorKeyFile, TimeProvider.System);
            return new NodeHost(app, directoryLock);
        }
        catch (Exception e)
        {
            await app.DisposeAsync();
            directoryLock.Dispose();
            throw e is OperationCanceledException && cancellationToken.IsCancellationRequested ? e : new NodeStartException(options, e);
        }
    }

    /// <summary>Where the node can be reached, for people.</summary>
    public string Describe()
    {
        var options = Services.GetRequiredService<NodeOptions>();
        var endpoints = Services.GetRequiredService<Microsoft.Extensions.Options.IOptions<EndpointOptions>>().Value;
        // In the order in which they were asked for.
        var addresses = _app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.ToList();
        var metrics = addresses.Count > 1 ? $"metrics {addresses[1]}{MetricsPage.Path}, " : "";
        return $"node {options.Name} is ready: silo {new IPEndPoint(endpoints.AdvertisedIPAddress, endpoints.SiloPort)}, gateway {new IPEndPoint(endpoints.AdvertisedIPAddress, endpoints.GatewayPort)}, {metrics}{addresses[0]}";
    }

    /// <summary>Runs until asked to stop, by the token or by a part that cannot go on; then hands over and stops.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var lifetime = Services.GetRequiredService<IHostApplicationLifetime>();
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, lifetime.ApplicationStopping);
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        using var patience = new CancellationTokenSource(StopTimeout);
        await _app.StopAsync(patience.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _lock.Dispose();
    }

    private static WebApplication Build(NodeOptions options)
    {
        // Without the files, variables and watchers a web application brings: settings come from ours alone.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ContentRootPath = AppContext.BaseDirectory });
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(options.Http);
            if (options.Telemetry.MetricsListen is { } metrics)
                kestrel.ListenForMetrics(metrics);
        });
        builder.Services.AddRoutingCore();
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = StopTimeout);
        builder.AddGridNode(options);
        var app = builder.Build();
        app.UseMetricsListener();
        if (options.Roles.HasFlag(NodeRoles.Api))
        {
            app.MapGridApi();
            app.MapGridDashboard();
            app.MapMetrics();
            app.MapOrleansDashboard(options);
        }
        else
            app.UseRouting();
        MapHealth(app);
        return app;
    }

    /// <summary>Live: the process answers. Ready: it belongs to the cluster, and work may be sent here.</summary>
    private static void MapHealth(WebApplication app)
    {
        var health = app.MapGroup("/health").OpenForAll().ExcludeFromDescription();
        health.MapGet("live", () => Results.Text("live\n"));
        health.MapGet("ready", (NodeHealth node) => Results.Json(node.Report(), statusCode: node.IsReady ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable));
    }
}
