using Grid.Contracts.Builds;
using Grid.Contracts.Queues;
using Grid.Contracts.Work;
using Orleans.Runtime;

namespace Grid.Grains.Tests.Cluster;

/// <summary>Stands where a node's heartbeat stands: the node says that it is there.</summary>
internal sealed class ScriptedHeartbeat(GridNode name, ScriptedNode nodes, ScriptedHeartbeat.Options options, IGrainFactory grains, ILocalSiloDetails silo)
    : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();

    /// <summary>What the node says of itself.</summary>
    internal sealed record Options(int Slots);

    public void Participate(ISiloLifecycle observer) => observer.Subscribe(nameof(ScriptedHeartbeat), ServiceLifecycleStage.Active + 1, StartAsync, StopAsync);

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        await BeatAsync();
        _ = Task.Run(async () =>
        {
            using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(200), TimeProvider.System);
            while (await timer.WaitForNextTickAsync(_stopping.Token))
                await BeatAsync();
        }, CancellationToken.None);
    }

    public void Dispose() => _stopping.Dispose();

    private async Task BeatAsync()
    {
        try
        {
            await grains.GetGrain<IQueueGrain>(BuildRequest.DefaultPool).SynchronizeAsync(new NodeReport
            {
                Node = new NodeSession(name.Name, silo.SiloAddress.ToParsableString()), Slots = options.Slots, Builds = [.. nodes.BuildsOn(name.Name)],
            });
        }
        catch (Exception e) when (e is OrleansException or TimeoutException or ObjectDisposedException)
        {
            // A silo goes away under the call; the next beat comes.
        }
    }

    private async Task StopAsync(CancellationToken cancellationToken) => await _stopping.CancelAsync();
}
