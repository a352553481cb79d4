using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Grains.Steps;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Serialization;
using Orleans.Storage;
using Orleans.TestingHost;

namespace Grid.Grains.Tests.Cluster;

/// <summary>Silos with the real grains, a scripted node, and storage they share.</summary>
internal sealed class TestGrid : IAsyncDisposable
{
    private static int _builds;

    private TestGrid(InProcessTestCluster cluster, ScriptedNode node, RecordedEvents events, SharedStorage storage) =>
        (Cluster, Node, Events, Storage) = (cluster, node, events, storage);

    public InProcessTestCluster Cluster { get; }

    public ScriptedNode Node { get; }

    public RecordedEvents Events { get; }

    public SharedStorage Storage { get; }

    public IGrainFactory Grains => Cluster.Client;

    public static async Task<TestGrid> StartAsync(short silos = 1, StepCacheOptions? cache = null, TimeProvider? time = null)
    {
        var (node, events, storage) = (new ScriptedNode(), new RecordedEvents(), new SharedStorage());
        var builder = new InProcessTestClusterBuilder(silos);
        builder.ConfigureSilo((_, silo) => silo.Services
            .AddSingleton(time ?? TimeProvider.System)
            .AddSingleton(cache ?? new StepCacheOptions())
            .AddSingleton(new GridNode("node-1"))
            .AddSingleton(node)
            .AddSingleton<IContexts>(node)
            .AddSingleton<IBuildEvents>(events)
            .AddKeyedSingleton<IGrainStorage>(GridStorage.Name, storage)
            .AddSerializer(Json));
        builder.ConfigureClient(client => client.Services.AddSerializer(Json));
        var cluster = builder.Build();
        await cluster.DeployAsync(TestContext.Current.CancellationToken);
        node.Grains = cluster.Client;
        return new TestGrid(cluster, node, events, storage);
    }

    /// <summary>The lifecycle's own records travel as JSON, as in a real silo.</summary>
    public static void Json(ISerializerBuilder serializer) => serializer.AddJsonSerializer(type => type.Namespace is { } name
        && new[] { "Grid.Oci", "Grid.Buildpacks", "Grid.Dockerfiles", "Grid.Lifecycle" }.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)));

    public static string NewKey() => $"tenant/b{Interlocked.Increment(ref _builds)}";

    public IBuildGrain Build(string key) => Grains.GetGrain<IBuildGrain>(key);

    /// <summary>Submits a build and gives its key.</summary>
    public async Task<string> SubmitAsync(BuildRequest? request = null)
    {
        var key = NewKey();
        await Build(key).SubmitAsync(request ?? Samples.Request());
        return key;
    }

    /// <summary>Waits for the end and checks that there is one end only.</summary>
    public async Task<BuildFinished> EndAsync(string key)
    {
        var end = await Events.FirstAsync<BuildFinished>(key);
        Events.Of(key).OfType<BuildFinished>().Count().ShouldBe(1);
        return end;
    }

    /// <summary>Kills the silo a grain is active on. The scripted node is in this process and loses nothing, whichever silo goes.</summary>
    public async Task KillSiloOfAsync(IGrainWithStringKey grain)
    {
        foreach (var silo in Cluster.Silos.ToArray())
        {
            if (silo.ServiceProvider.GetService(typeof(Orleans.Runtime.IGrainRuntime)) is not null && IsOn(silo, grain))
            {
                await Cluster.KillSiloAsync(silo, TestContext.Current.CancellationToken);
                return;
            }
        }
        throw new InvalidOperationException($"{grain.GetGrainId()} is not active");
    }

    private bool IsOn(InProcessSiloHandle silo, IGrainWithStringKey grain) =>
        Cluster.TryGetGrainContext(grain.GetGrainId(), out var context) && context!.Address.SiloAddress!.Equals(silo.SiloAddress);

    public async ValueTask DisposeAsync() => await Cluster.DisposeAsync();
}
