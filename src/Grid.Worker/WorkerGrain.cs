using Grid.Contracts.Work;
using Orleans.Placement;

namespace Grid.Worker;

/// <inheritdoc cref="IWorkerGrain"/>
[GrainType("grid.worker"), PreferLocalPlacement]
public sealed class WorkerGrain(WorkerAgent agent) : Grain, IWorkerGrain
{
    public Task StartAsync(WorkItem item)
    {
        agent.Start(item);
        return Task.CompletedTask;
    }

    public Task CancelAsync(string handle)
    {
        agent.Cancel(handle);
        return Task.CompletedTask;
    }

    public Task ReleaseAsync(string buildKey) => agent.ReleaseAsync(buildKey);
}
