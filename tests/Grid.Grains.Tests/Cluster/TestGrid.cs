using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Work;
using Grid.Grains.Steps;
using Microsoft.Extensions.DependencyInjection;
using Grid.Contracts.Queues;
using Grid.Grains.Queues;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Storage;
using Orleans.TestingHost;

namespace Grid.Grains.Tests.Cluster;

/// <summary>Silos with the real grains, a scripted node, and storage they share.</summary>
internal sealed class TestGrid : IAsyncDisposable
{
    private static int _builds;

    /// <summary>How long a test waits for what must come: much longer than a slow machine takes to notice that a silo is dead.</summary>
    public static TimeSpan Patience => TimeSpan.FromMinutes(3);

    private TestGrid(InProcessTestCluster cluster, ScriptedNode node, RecordedEvents events, SharedStorage storage) =>
        (Cluster, Node, Events, Storage) = (cluster, node, events, storage);

    public InProcessTestCluster Cluster { get; }

    public ScriptedNode Node { get; }

    public RecordedEvents Events { get; }

    public SharedStorage Storage { get; }

    public IGrainFactory Grains => Cluster.Client;

    /// <summary>Starts silos, each with a node of its own called <c>node-1</c>, <c>node-2</c> …</summary>
    public static async Task<TestGrid> StartAsync(short silos = 1, QueueOptions? queues = null, int slots = 8, StepCacheOptions? cache = null,
        Action<IServiceCollection>? services = null)
    {
        var (node, events, storage) = (new ScriptedNode(), new RecordedEvents(), new SharedStorage());
        var builder = new InProcessTestClusterBuilder(silos);
        var nodes = 0;
        builder.ConfigureSilo((_, silo) =>
        {
            // Silos are made side by side.
            var name = $"node-{Interlocked.Increment(ref nodes)}";
            silo.AddGridGrains(name, queues ?? new QueueOptions { Tick = TimeSpan.FromMilliseconds(100), Recall = TimeSpan.FromSeconds(1), BacklogPeriod = TimeSpan.Zero }).Services
                .AddSingleton(TimeProvider.System)
                .AddSingleton(cache ?? new StepCacheOptions())
                .AddSingleton(new GridNode(name))
                .AddSingleton(new ScriptedHeartbeat.Options(slots))
                .AddSingleton<ILifecycleParticipant<ISiloLifecycle>, ScriptedHeartbeat>()
                .AddSingleton(node)
                .AddSingleton<IContexts>(node)
                .AddSingleton<IBuildEvents>(events)
                .AddKeyedSingleton<IGrainStorage>(GridStorage.Name, storage)
                .AddSerializer(Json);
            services?.Invoke(silo.Services);
        });
        builder.ConfigureClient(client => client.Services.AddSerializer(Json));
        var cluster = builder.Build();
        await cluster.DeployAsync(TestContext.Current.CancellationToken);
        node.Grains = cluster.Client;
        // Not all of them need have been heard by then.
        while ((await cluster.Client.GetGrain<IQueueGrain>(BuildRequest.DefaultPool).GetStatusAsync(0)).Nodes.Length < silos)
            await Task.Yield();
        return new TestGrid(cluster, node, events, storage);
    }

    /// <summary>The lifecycle's own records travel as JSON, as in a real silo.</summary>
    public static void Json(ISerializerBuilder serializer) => serializer.AddJsonSerializer(type => type.Namespace is { } name
        && new[] { "Grid.Oci", "Grid.Buildpacks", "Grid.Dockerfiles", "Grid.Lifecycle" }.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)));

    public static string NewKey() => $"tenant/b{Interlocked.Increment(ref _builds)}";

    public IBuildGrain Build(string key) => Grains.GetGrain<IBuildGrain>(key);

    public IQueueGrain Queue => Grains.GetGrain<IQueueGrain>(BuildRequest.DefaultPool);

    /// <summary>Kills the silo of a node and all that ran on it.</summary>
    public async Task KillNodeAsync(string name)
    {
        Node.Kill(name);
        await Cluster.KillSiloAsync(SiloOf(name), TestContext.Current.CancellationToken);
    }

    /// <summary>Kills the silo a grain lives on, with its node; gives the node's name.</summary>
    public async Task<string> KillSiloOfAsync(IGrainWithStringKey grain)
    {
        var silo = SiloOf(grain) ?? throw new InvalidOperationException($"{grain.GetGrainId()} is not active");
        var name = NameOf(silo);
        await KillNodeAsync(name);
        return name;
    }

    /// <summary>Moves a grain's activation to the silo of a node.</summary>
    public async Task MoveAsync(IGrainWithStringKey grain, string node)
    {
        // Migrating only ends the activation here; the next call makes the new one, which is elsewhere when somebody else's call came before the hint arrived.
        while (NodeOf(grain) is var at && at != node)
        {
            if (at is not null)
                await Cluster.MigrateAsync(grain, SiloOf(node).SiloAddress);
            await TouchAsync(grain);
        }
    }

    private static Task TouchAsync(IGrainWithStringKey grain) => grain switch
    {
        IBuildGrain build => build.GetStatusAsync(),
        IExtenderGrain extender => extender.StepReleasedAsync("none"),
        IQueueGrain queue => queue.GetStatusAsync(0),
        _ => throw new InvalidOperationException(grain.GetType().Name),
    };

    /// <summary>The nodes of the grid that live.</summary>
    public IReadOnlyList<string> Nodes => [.. Cluster.Silos.Select(NameOf).Order(StringComparer.Ordinal)];

    /// <summary>The node a grain lives on; null when it is not active.</summary>
    public string? NodeOf(IGrainWithStringKey grain) => SiloOf(grain) is { } silo ? NameOf(silo) : null;

    private InProcessSiloHandle? SiloOf(IGrainWithStringKey grain) => Cluster.TryGetGrainContext(grain.GetGrainId(), out var context)
        ? Cluster.Silos.FirstOrDefault(s => s.SiloAddress.Equals(context!.Address.SiloAddress)) : null;

    public InProcessSiloHandle SiloOf(string node) => Cluster.Silos.Single(s => NameOf(s) == node);

    private static string NameOf(InProcessSiloHandle silo) => silo.ServiceProvider.GetRequiredService<GridNode>().Name;

    /// <summary>Where a build stands.</summary>
    public Task<BuildStatus> StatusAsync(string key) => AskAsync(() => Build(key).GetStatusAsync());

    /// <summary>Asks again when the answer is lost: a call that is under way to a silo as it dies gets none, and its caller has to repeat it.</summary>
    public static async Task<T> AskAsync<T>(Func<Task<T>> question)
    {
        for (var asked = TimeProvider.System.GetTimestamp(); ;)
        {
            try
            {
                return await question().WaitAsync(TimeSpan.FromSeconds(5));
            }
            catch (Exception e) when (TimeProvider.System.GetElapsedTime(asked) < Patience && (e is TimeoutException or OrleansException))
            {
                // Nothing was changed by asking. A dead silo refuses at once until the others know that it is dead.
                await Task.Delay(25);
            }
        }
    }

    /// <inheritdoc cref="AskAsync{T}"/>
    public static Task AskAsync(Func<Task> question) => AskAsync(async () =>
    {
        await question();
        return true;
    });

    /// <summary>Submits a build and gives its key.</summary>
    public async Task<string> SubmitAsync(BuildRequest? request = null)
    {
        var key = NewKey();
        await Build(key).SubmitAsync(request ?? Samples.Request());
        return key;
    }

    /// <summary>Waits for the end, until the queue knows it too, and checks that there is one end only.</summary>
    public async Task<BuildFinished> EndAsync(string key)
    {
        var end = await Events.FirstAsync<BuildFinished>(key);
        Events.RepeatedEnds.ShouldNotContain(key);
        // The queue hears of it after those who watch.
        while ((await AskAsync(() => Queue.GetStatusAsync(0))).Running.Any(r => r.Build.BuildKey == key))
            await Task.Delay(5, TestContext.Current.CancellationToken);
        return end;
    }

    public async ValueTask DisposeAsync() => await Cluster.DisposeAsync();
}
