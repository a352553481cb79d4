using Grid.Contracts.Builds;
using Grid.Contracts.Queues;
using Grid.Contracts.Work;
using Orleans.Runtime;

namespace Grid.Benchmarks.Orchestration;

/// <summary>Tells the queue of a simulated node as often as a real node does.</summary>
internal sealed class SimulatedHeartbeat(GridNode name, SimulatedNode node, IGrainFactory grains, ILocalSiloDetails silo) : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);
    private readonly CancellationTokenSource _stopping = new();

    public void Participate(ISiloLifecycle observer) => observer.Subscribe(nameof(SimulatedHeartbeat), ServiceLifecycleStage.Active + 1, StartAsync, _ => _stopping.CancelAsync());

    /// <summary>Speaks now.</summary>
    public Task BeatAsync() => grains.GetGrain<IQueueGrain>(BuildRequest.DefaultPool).SynchronizeAsync(new NodeReport
    {
        Node = new NodeSession(name.Name, silo.SiloAddress.ToParsableString()), Slots = node.Slots, Builds = node.Builds,
    });

    public void Dispose() => _stopping.Dispose();

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        await BeatAsync();
        _ = Task.Run(async () =>
        {
            using var timer = new PeriodicTimer(Period, TimeProvider.System);
            while (await timer.WaitForNextTickAsync(_stopping.Token))
                await BeatAsync();
        }, CancellationToken.None);
    }
}
