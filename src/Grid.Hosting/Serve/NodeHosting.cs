using Grid.Api;
using Grid.Contracts;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Dashboard;
using Grid.Grains;
using Grid.Grains.Queues;
using Grid.Hosting.Artifacts;
using Grid.Hosting.Cache;
using Grid.Hosting.Configuration;
using Grid.Hosting.Content;
using Grid.Hosting.Events;
using Grid.Hosting.Retention;
using Grid.Hosting.Storage;
using Grid.Hosting.Storage.AzureBlobs;
using Grid.Hosting.Storage.Files;
using Grid.Hosting.Telemetry;
using Grid.Oci.Content;
using Grid.Worker;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Orleans.Configuration;

namespace Grid.Hosting.Serve;

/// <summary>Puts a node of a cluster together from its settings: each line is one concept.</summary>
internal static class NodeHosting
{
    /// <summary>A silo with the roles, membership and storage its settings name.</summary>
    public static void AddGridNode(this IHostApplicationBuilder builder, NodeOptions options)
    {
        // Chosen once: membership and endpoints must mean the same ones.
        options = options with
        {
            SiloPort = options.SiloPort == 0 ? FreePorts.Next() : options.SiloPort,
            GatewayPort = options.GatewayPort == 0 ? FreePorts.Next() : options.GatewayPort,
        };
        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(options.Node);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(_ => SecretKeyFile.Read(options));
        builder.Services.AddSingleton(options.Audit);
        builder.Services.AddGridLogging();
        builder.Services.AddGridContent(options.Node);
        builder.Services.AddGridImages(options.Node);
        builder.Services.AddSharedContent(options);
        builder.Services.AddJournals(options);
        builder.Services.AddGridCache(options.Node, isWholeGrid: options.Membership == Membership.Localhost);
        if (options.Roles.HasFlag(NodeRoles.Worker))
        {
            builder.Services.AddGridSandbox(options.Node);
            builder.Services.AddGridWorker(options.Node, WorkerOf(options));
        }
        if (options.Roles.HasFlag(NodeRoles.Api))
            builder.Services.AddGridApi(options.Api with { SignInPath = "/signin" }).AddGridDashboard();
        builder.Services.Replace(ServiceDescriptor.Singleton(new GridNode(options.Name)));
        builder.Services.AddSingleton<NodeHealth>();
        builder.Services.AddSingleton<IFatalErrorHandler, NodeFatalError>();
        builder.Services.AddHostedService<RetentionService>();
        if (options.Membership != Membership.Localhost)
            builder.Services.AddSingleton<ILifecycleParticipant<ISiloLifecycle>, NodeNameGuard>();
        builder.AddGridTelemetry(options.Telemetry with { Instance = options.Name }, hasPage: true);
        builder.Services.AddGridSerialization();
        builder.UseOrleans(silo => silo
            .AddGridRoles(options.Roles)
            .AddGridGrains(options.Roles.HasFlag(NodeRoles.Worker) ? options.Name : null, new QueueOptions())
            .AddGridEndpoints(options)
            .AddGridMembership(options)
            .AddGridReminders(options)
            .AddGridState(options)
            .AddOrleansDashboard(options)
            .AddActivityPropagation());
    }

    private static WorkerOptions WorkerOf(NodeOptions options)
    {
        var worker = new WorkerOptions { Node = options.Name, HasTenants = true, StagesExports = options.Membership != Membership.Localhost, Pool = options.Pool, Labels = options.Labels, ShutdownGrace = NodeHost.StopTimeout / 2 };
        if (options.Node.SandboxOrphanTime is { } orphanTime)
            worker = worker with { AdoptTime = orphanTime };
        return options.Slots == 0 ? worker : worker with { Slots = options.Slots };
    }

    /// <summary>The tier behind the node's store, unless it is alone.</summary>
    private static void AddSharedContent(this IServiceCollection services, NodeOptions options)
    {
        if (options.Content == SharedContent.Azure)
            services.AddSingleton<IContentTier>(new MeasuredTier(new AzureTier(new AzureContainer(Connections.AzureBlobs(options.AzureConnection), options.ContentContainer), TimeProvider.System)));
        else if (options.Content == SharedContent.Directory)
            services.AddSingleton<IContentTier>(new MeasuredTier(new DirectoryTier(options.ContentDirectory!)));
    }

    private static void AddJournals(this IServiceCollection services, NodeOptions options)
    {
        if (options.Events == EventStorage.Azure)
            services.AddSingleton<IBuildArtifacts>(new AzureArtifacts(new AzureContainer(Connections.AzureBlobs(options.AzureConnection), options.EventsContainer)))
                .AddSingleton(p => ActivatorUtilities.CreateInstance<AzureBuildEvents>(p, new AzureContainer(Connections.AzureBlobs(options.AzureConnection), options.EventsContainer), new AzureJournalOptions()))
                .AddSingleton<IBuildEvents>(p => p.GetRequiredService<AzureBuildEvents>())
                .AddSingleton<IBuildJournals>(p => p.GetRequiredService<AzureBuildEvents>());
        else
            services.AddGridEvents(options.Node);
    }

    /// <summary>Takes the grains away that this node is not to hold: Orleans places a grain only where its class is.</summary>
    private static ISiloBuilder AddGridRoles(this ISiloBuilder silo, NodeRoles roles) => silo.Configure<GrainTypeOptions>(types =>
    {
        if (!roles.HasFlag(NodeRoles.Control))
            types.Classes.RemoveWhere(type => type.Assembly == typeof(GridStorage).Assembly);
        if (!roles.HasFlag(NodeRoles.Worker))
            types.Classes.RemoveWhere(type => type.Assembly == typeof(WorkerGrain).Assembly);
    });

    private static ISiloBuilder AddGridEndpoints(this ISiloBuilder silo, NodeOptions options) => silo
        .Configure<SiloOptions>(o => o.SiloName = options.Name)
        .Configure<ClusterOptions>(o =>
        {
            o.ServiceId = options.ServiceId;
            o.ClusterId = options.ClusterId;
        })
        .Configure<EndpointOptions>(o =>
        {
            o.AdvertisedIPAddress = options.AdvertisedAddress;
            o.SiloPort = options.SiloPort;
            o.GatewayPort = options.GatewayPort;
            o.SiloListeningEndpoint = new(options.ListenAddress, o.SiloPort);
            o.GatewayListeningEndpoint = new(options.ListenAddress, o.GatewayPort);
        });

    private static ISiloBuilder AddGridMembership(this ISiloBuilder silo, NodeOptions options)
    {
        if (options.Membership == Membership.Redis)
            silo.UseRedisClustering(o => o.ConfigurationOptions = Connections.Redis(options.RedisConnection));
        else if (options.Membership == Membership.PostgreSql)
            silo.UseAdoNetClustering(o => (o.Invariant, o.ConnectionString) = (Connections.PostgreSqlInvariant, options.PostgreSqlConnection));
        else
            silo.UseLocalhostClustering(options.SiloPort, options.GatewayPort, serviceId: options.ServiceId, clusterId: options.ClusterId);
        return silo.Configure<ClusterMembershipOptions>(o =>
        {
            // A node that is gone is declared dead within a few seconds (docs/operate.md has the figures). Without an upper bound the
            // adaptive probe of a silo that hangs waits up to four times as long, and finds it after a minute.
            o.ProbeTimeout = options.ProbeTimeout;
            o.MinProbeTimeout = options.ProbeTimeout / 2;
            o.MaxProbeTimeout = options.ProbeTimeout;
            o.NumMissedProbesLimit = options.MissedProbes;
            o.NumVotesForDeathDeclaration = 2;
            o.TableRefreshTimeout = TimeSpan.FromSeconds(5);
            o.IAmAliveTablePublishTimeout = TimeSpan.FromSeconds(10);
        });
    }

    private static ISiloBuilder AddGridReminders(this ISiloBuilder silo, NodeOptions options) => options.Reminders switch
    {
        ReminderStorage.Redis => silo.UseRedisReminderService(o => o.ConfigurationOptions = Connections.Redis(options.RedisConnection)),
        ReminderStorage.PostgreSql => silo.UseAdoNetReminderService(o => (o.Invariant, o.ConnectionString) = (Connections.PostgreSqlInvariant, options.PostgreSqlConnection)),
        _ => silo.UseInMemoryReminderService(),
    };

    internal static ISiloBuilder AddGridState(this ISiloBuilder silo, NodeOptions options)
    {
        silo.UseGridStateSerializer();
        return options.State switch
        {
            StateStorage.Azure => silo.AddAzureBlobGrainStorage(GridStorage.Name, o =>
            {
                o.ContainerName = options.StateContainer;
                o.BlobServiceClient = Connections.AzureBlobs(options.AzureConnection);
            }),
            StateStorage.Redis => silo.AddRedisGrainStorage(GridStorage.Name, o => (o.ConfigurationOptions, o.DeleteStateOnClear) = (Connections.Redis(options.RedisConnection), true)),
            StateStorage.PostgreSql => silo.AddAdoNetGrainStorage(GridStorage.Name, o =>
                (o.Invariant, o.ConnectionString, o.DeleteStateOnClear) = (Connections.PostgreSqlInvariant, options.PostgreSqlConnection, true)),
            _ => silo.AddFileState(GridStorage.Name, Path.Combine(options.Node.DataDirectory, "state")),
        };
    }
}
