using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Queues;
using Grid.Contracts.Work;
using Grid.Grains;
using Grid.Grains.Queues;
using Grid.Grains.Steps;
using Grid.Grains.Tests;
using Grid.Worker;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Runtime;
using Orleans.Serialization;
using Orleans.Storage;
using Orleans.TestingHost;

namespace Grid.Benchmarks.Orchestration;

/// <summary>Silos in this process with the product's grains, queue and reminders; simulated are the nodes' work and the disk.</summary>
internal sealed class SimulatedGrid : IAsyncDisposable
{
    private static int _builds;
    private readonly InProcessTestCluster _cluster;
    private readonly SimulatedNode.Settings _nodes;

    private SimulatedGrid(InProcessTestCluster cluster, SimulatedNode.Settings nodes, StateMemory state, BuildClock clock) =>
        (_cluster, _nodes, State, Clock) = (cluster, nodes, state, clock);

    public StateMemory State { get; }

    public BuildClock Clock { get; }

    public IGrainFactory Grains => _cluster.Client;

    public IQueueGrain Queue => Grains.GetGrain<IQueueGrain>(BuildRequest.DefaultPool);

    /// <summary>Starts silos with a node each; returns when the queue knows all of them.</summary>
    public static async Task<SimulatedGrid> StartAsync(short silos, int slots, BuildShape shape)
    {
        var (nodes, state, clock) = (new SimulatedNode.Settings { Slots = slots, Shape = shape }, new StateMemory(), new BuildClock());
        var builder = new InProcessTestClusterBuilder(silos);
        builder.Options.ConfigureFileLogging = false;
        var started = 0;
        builder.ConfigureSilo((_, silo) =>
        {
            var name = $"node-{Interlocked.Increment(ref started)}";
            silo.AddGridGrains(name, new QueueOptions { Limits = new() { TenantQueued = 20_000 } }).UseInMemoryReminderService().UseSystemTextJsonGrainStorageSerializer().Services
                .AddSingleton(TimeProvider.System)
                .AddSingleton(new StepCacheOptions())
                .AddSingleton(new GridNode(name))
                .AddSingleton(nodes)
                .AddSingleton<SimulatedNode>()
                .AddSingleton<IContexts>(p => p.GetRequiredService<SimulatedNode>())
                .AddSingleton<SimulatedHeartbeat>()
                .AddSingleton<ILifecycleParticipant<ISiloLifecycle>>(p => p.GetRequiredService<SimulatedHeartbeat>())
                .AddSingleton<IBuildEvents>(clock)
                .AddKeyedSingleton<IGrainStorage>(GridStorage.Name, (p, _) => new CountingStorage(state, p.GetRequiredService<IGrainStorageSerializer>()))
                .AddSerializer(Json)
                // The simulated one stands in its place.
                .Configure<GrainTypeOptions>(types => types.Classes.RemoveWhere(type => type.Assembly == typeof(WorkerAgent).Assembly));
        });
        builder.ConfigureClient(client => client.Services.AddSerializer(Json));
        var cluster = builder.Build();
        await cluster.DeployAsync();
        var grid = new SimulatedGrid(cluster, nodes, state, clock);
        await grid.SetSlotsAsync(slots);
        return grid;
    }

    /// <summary>Nodes take so many builds from now on.</summary>
    public async Task SetSlotsAsync(int slots)
    {
        _nodes.Slots = slots;
        foreach (var silo in _cluster.Silos)
            await silo.ServiceProvider.GetRequiredService<SimulatedHeartbeat>().BeatAsync();
    }

    /// <summary>Submits a build and gives its key and how long the answer took.</summary>
    public async Task<(string Key, TimeSpan Took)> SubmitAsync(string tenant = "tenant", string? app = null)
    {
        var number = Interlocked.Increment(ref _builds);
        var key = $"{tenant}/b{number}";
        var begin = TimeProvider.System.GetTimestamp();
        Clock.Of(key).Submitted = begin;
        var status = await Grains.GetGrain<IBuildGrain>(key).SubmitAsync(Samples.Request(app ?? $"app{number}") with { Tenant = tenant });
        return status.State is BuildState.Running or BuildState.Queued or BuildState.Succeeded ? (key, TimeProvider.System.GetElapsedTime(begin))
            : throw new BenchmarkException($"a simulated build was answered {status.State}: {status.Failure?.Message}");
    }

    /// <summary>Waits for the end of a build; how long it took from submit.</summary>
    public async Task<TimeSpan> EndAsync(string key) => TimeProvider.System.GetElapsedTime(Clock.Of(key).Submitted, await Clock.Of(key).Finished.Task.WaitAsync(TimeSpan.FromMinutes(10)));

    /// <summary>How long a build waited from submit to its first phase.</summary>
    public async Task<TimeSpan> StartAsync(string key) => TimeProvider.System.GetElapsedTime(Clock.Of(key).Submitted, await Clock.Of(key).Started.Task.WaitAsync(TimeSpan.FromMinutes(10)));

    public async ValueTask DisposeAsync()
    {
        _nodes.IsOver = true;
        await _cluster.DisposeAsync();
    }

    /// <summary>The lifecycle's own records travel as JSON, as in a real silo.</summary>
    private static void Json(ISerializerBuilder serializer) => serializer.AddJsonSerializer(type => type.Namespace is { } name
        && new[] { "Grid.Oci", "Grid.Buildpacks", "Grid.Dockerfiles", "Grid.Lifecycle" }.Any(prefix => name.StartsWith(prefix, StringComparison.Ordinal)));
}
