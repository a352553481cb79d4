using Grid.Contracts.Placement;
using Grid.Contracts.Work;
using Orleans.Placement;

namespace Grid.Worker;

/// <inheritdoc cref="IWorkerGrain"/>
[GrainType("grid.worker"), OnNode, Immovable]
public sealed class WorkerGrain(WorkerAgent agent) : Grain, IWorkerGrain
{
    public Task StartAsync(WorkItem item)
    {
        agent.Start(item);
        return Task.CompletedTask;
    }

    public Task<bool> CancelAsync(string handle) => Task.FromResult(agent.Cancel(handle));

    public Task ReleaseAsync(string buildKey) => agent.ReleaseAsync(buildKey);
}
