using Grid.Contracts;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Docker;
using Grid.Grains;
using Grid.Grains.Queues;
using Grid.Hosting.Artifacts;
using Grid.Hosting.Cache;
using Grid.Hosting.Content;
using Grid.Hosting.Events;
using Grid.Hosting.Storage.Files;
using Grid.Hosting.Telemetry;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layouts;
using Grid.Oci.Registry;
using Grid.Sandbox;
using Grid.Worker;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Serialization;

namespace Grid.Hosting;

/// <summary>Puts a grid together: each line is one concept.</summary>
public static class GridHosting
{
    /// <summary>A silo with localhost clustering and file storage, and the worker of this machine.</summary>
    public static void AddEmbeddedGrid(this IHostApplicationBuilder builder, GridOptions options)
    {
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddGridLogging();
        builder.Services.AddGridContent(options);
        builder.Services.AddGridImages(options);
        builder.Services.AddGridSandbox(options);
        builder.Services.AddGridEvents(options);
        builder.Services.AddGridCache(options, isWholeGrid: true);
        builder.Services.AddGridWorker(options, new WorkerOptions { Slots = 1 });
        builder.AddGridTelemetry(new TelemetryOptions(), hasPage: false);
        builder.Services.AddGridSerialization();
        builder.UseOrleans(silo => silo
            .UseLocalhostClustering(FreePorts.Next(), gatewayPort: 0, serviceId: "grid", clusterId: "embedded")
            .Configure<EndpointOptions>(endpoint => endpoint.GatewayPort = 0)
            // Nobody else belongs to an embedded grid: a connection from another process of this machine is closed before a byte is read.
            .Configure<SiloConnectionOptions>(connections => connections.ConfigureSiloInboundConnection(inbound => inbound.Use(_ => connection =>
            {
                connection.Abort();
                return Task.CompletedTask;
            })))
            .AddActivityPropagation()
            .AddGridGrains(Environment.MachineName, new QueueOptions { EndsAbandonedBuilds = true })
            .UseInMemoryReminderService()
            .AddFileState(GridStorage.Name, Path.Combine(options.DataDirectory, "state"))
            .UseGridStateSerializer());
    }

    internal static void AddGridLogging(this IServiceCollection services) => services.AddLogging(logging => logging
        .AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace)
        .SetMinimumLevel(LogLevel.Warning)
        // Advice about server garbage collection, and a false alarm of its watchdog at start (platform-facts B2).
        .AddFilter("Orleans.Runtime.Silo", LogLevel.Error)
        .AddFilter("Orleans.Runtime.Watchdog", LogLevel.Error)
        .AddFilter("Orleans", LogLevel.Error)
        // What it says of a node that was given up, NodeFatalError says in our words.
        .AddFilter("Orleans.Runtime.MembershipService.MembershipTableManager", LogLevel.Critical)
        // Retries of Orleans' own placement, a stack trace each. What comes of them is an answer to the caller.
        .AddFilter("Polly", LogLevel.None)
        // Why a start failed is thrown too, and said in our words.
        .AddFilter("Microsoft.Extensions.Hosting.Internal.Host", LogLevel.Critical));

    internal static void AddGridContent(this IServiceCollection services, GridOptions options) =>
        services.AddSingleton(_ => new ContentStore(Path.Combine(options.DataDirectory, "content"), options.Cache.HardMaxBytes))
            .AddSingleton(p => new TieredContent(p.GetRequiredService<ContentStore>(), p.GetService<IContentTier>()))
            .AddSingleton<ISharedContent, WorkerContent>()
            .AddSingleton<IContexts, NodeContexts>();

    internal static void AddGridImages(this IServiceCollection services, GridOptions options)
    {
        services.AddSingleton<ICredentialStore>(_ => DockerConfigCredentials.FromEnvironment());
        services.AddSingleton<IImageStore>(p => new RegistryImageStore(new RegistryOptions { Insecure = options.InsecureRegistries, Hosts = options.Hosts }, p.GetRequiredService<ICredentialStore>()));
        services.AddSingleton<IImageStore, LayoutImageStore>();
        services.AddSingleton<IImageStore, DockerImageStore>();
        services.AddSingleton<ImageStores>();
        services.AddSingleton<BuilderLocator>();
    }

    internal static void AddGridSandbox(this IServiceCollection services, GridOptions options) =>
        services.AddSingleton(p => SandboxRuntimes.Make(options, p.GetRequiredService<ContentStore>()));

    internal static void AddGridEvents(this IServiceCollection services, GridOptions options) =>
        services.AddSingleton(_ => new FileBuildEvents(Path.Combine(options.DataDirectory, "events")))
            .AddSingleton<IBuildEvents>(p => p.GetRequiredService<FileBuildEvents>())
            .AddSingleton<IBuildJournals>(p => p.GetRequiredService<FileBuildEvents>())
            .AddSingleton<IBuildArtifacts>(new FileArtifacts(Path.Combine(options.DataDirectory, "artifacts")));

    /// <summary>The worker of this machine; what it may do comes from <paramref name="worker"/>, its places from <paramref name="options"/>.</summary>
    internal static void AddGridWorker(this IServiceCollection services, GridOptions options, WorkerOptions worker) => services.AddGridWorker(worker with
    {
        BuildsDirectory = Path.Combine(options.DataDirectory, "builds"),
        Launcher = options.Launcher,
        Hosts = options.Hosts,
        Destinations = options.SandboxEgressAllow,
        StepTimeout = options.StepTimeout,
        SandboxLimits = new SandboxLimits { MemoryBytes = options.SandboxMemoryBytes, MaxProcesses = options.SandboxMaxProcesses },
    });

    /// <summary>Phase inputs and outputs are the lifecycle's own records, sent as JSON; messages around them are Orleans'.</summary>
    internal static void AddGridSerialization(this IServiceCollection services) =>
        services.AddSerializer(serializer => serializer.AddJsonSerializer(type => type.Namespace is { } name
            && (name.StartsWith("Grid.Oci", StringComparison.Ordinal) || name.StartsWith("Grid.Buildpacks", StringComparison.Ordinal)
                || name.StartsWith("Grid.Dockerfiles", StringComparison.Ordinal) || name.StartsWith("Grid.Lifecycle", StringComparison.Ordinal))));

    /// <summary>Grain state is JSON, and what a later build of Grid added to it is kept.</summary>
    internal static ISiloBuilder UseGridStateSerializer(this ISiloBuilder silo) =>
        silo.UseSystemTextJsonGrainStorageSerializer().Configure<SystemTextJsonGrainStorageSerializerOptions>(o => LaterMembers.Keep(o.JsonSerializerOptions));
}
