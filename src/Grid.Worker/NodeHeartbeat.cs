using Grid.Contracts.Queues;
using Grid.Contracts.Work;
using Grid.Sandbox;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Grid.Worker;

/// <summary>
/// Tells the pool's queue every few seconds that this node lives and what it has, and lets go of what the queue wants elsewhere. The first time before
/// the silo counts as started; when the silo stops, it gives what still runs back.
/// </summary>
public sealed partial class NodeHeartbeat(
    WorkerAgent agent, SurvivingWorkTable survivors, WarmContent warm, GridNode node, WorkerOptions options, IGrainFactory grains, ILocalSiloDetails silo, TimeProvider time, ILogger<NodeHeartbeat> log)
    : ILifecycleParticipant<ISiloLifecycle>, IDisposable
{
    private readonly CancellationTokenSource _stopping = new();
    private Task _loop = Task.CompletedTask;
    private DateTimeOffset _heard;
    private TimeSpan _lease = TimeSpan.MaxValue;
    private int _restarts;
    private volatile bool _draining;

    private IQueueGrain Queue => grains.GetGrain<IQueueGrain>(options.Pool);

    private NodeSession Session => new(node.Name, _restarts == 0 ? silo.SiloAddress.ToParsableString() : $"{silo.SiloAddress.ToParsableString()}~{_restarts}");

    public void Participate(ISiloLifecycle observer) => observer.Subscribe(nameof(NodeHeartbeat), ServiceLifecycleStage.Active + 1, StartAsync, StopAsync);

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        _heard = time.GetUtcNow();
        await SynchronizeAsync();
        _loop = Task.Run(LoopAsync, CancellationToken.None);
    }

    /// <summary>No new work, a grace period for what runs; the rest is given back, and goes on elsewhere.</summary>
    private async Task StopAsync(CancellationToken cancellationToken)
    {
        _draining = true;
        if (agent.Builds.Count > 0)
        {
            await SynchronizeAsync();
            using var grace = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            grace.CancelAfter(options.ShutdownGrace);
            await agent.IdleAsync(grace.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        await _stopping.CancelAsync();
        await _loop;
        await agent.AbandonAsync();
        try
        {
            await Queue.LeaveAsync(Session);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // It is noticed as if the node had crashed, only later.
            LogNotHeard(node.Name, e);
        }
    }

    public void Dispose() => _stopping.Dispose();

    private async Task LoopAsync()
    {
        using var timer = new PeriodicTimer(options.Heartbeat, time);
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                await timer.WaitForNextTickAsync(_stopping.Token);
            }
            catch (OperationCanceledException)
            {
                return;
            }
            await SynchronizeAsync();
            await ReapAsync();
        }
    }

    private async Task ReapAsync()
    {
        try
        {
            await survivors.ReapAsync(agent.Builds.Contains);
        }
        catch (Exception e) when (e is SandboxException or IOException)
        {
            LogNotReaped(node.Name, e);
        }
    }

    private async Task SynchronizeAsync()
    {
        try
        {
            var waiting = survivors.Survivors;
            var orders = await Queue.SynchronizeAsync(new NodeReport
            {
                Node = Session, Slots = options.Slots, Labels = new(options.Labels), Warm = warm.Keys, Builds = [.. agent.Builds.Union(waiting.Select(s => s.BuildKey))], Draining = _draining,
                Outliving = [.. survivors.Outliving], Survivors = [.. waiting],
            });
            (_heard, _lease) = (time.GetUtcNow(), orders.Lease);
            if (orders.Lost)
                await BeginAnewAsync();
            else
                ReleaseAll(orders.Release);
        }
        catch (Exception e) when (!_stopping.IsCancellationRequested)
        {
            LogNotHeard(node.Name, e);
            if (time.GetUtcNow() - _heard > _lease)
                await BeginAnewAsync();
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
            // The node is leaving anyway.
        }
    }

    /// <summary>The lease ran out: what runs here is done elsewhere by now. A node that is cut off must not go on as if it were not.</summary>
    private async Task BeginAnewAsync()
    {
        LogLost(node.Name);
        await agent.AbandonAsync();
        _restarts++;
        _heard = time.GetUtcNow();
    }

    /// <summary>Not awaited: a sandbox that takes its time to die must not cost the node its lease.</summary>
    private void ReleaseAll(IEnumerable<string> builds)
    {
        foreach (var build in builds)
            _ = ReleaseAsync(build);
    }

    private async Task ReleaseAsync(string build)
    {
        try
        {
            await agent.ReleaseAsync(build);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            LogNotReleased(build, e);
        }
    }

    [LoggerMessage(1, LogLevel.Warning, "node {Node} could not speak to its queue; trying again")]
    private partial void LogNotHeard(string node, Exception exception);

    [LoggerMessage(2, LogLevel.Error, "node {Node} was silent for too long and counts as lost; its work has been stopped and goes on elsewhere")]
    private partial void LogLost(string node);

    [LoggerMessage(3, LogLevel.Warning, "what build {Build} left on this node could not be removed")]
    private partial void LogNotReleased(string build, Exception exception);

    [LoggerMessage(4, LogLevel.Warning, "what outlived the last silo of node {Node} could not be ended; trying again")]
    private partial void LogNotReaped(string node, Exception exception);
}
