using Grid.Contracts.Work;
using Orleans.Runtime;

namespace Grid.Grains.Builds;

/// <summary>Calls to a node that may be gone.</summary>
internal static class WorkerCalls
{
    /// <summary>
    /// Stops work. False when nobody will report its end: the node does not know it, or there is no such node. Whatever still runs there is of an attempt
    /// that nobody listens to, and the node lets go of it when it next speaks to its queue.
    /// </summary>
    public static async Task<bool> StopAsync(this IWorkerGrain worker, string handle)
    {
        try
        {
            return await worker.CancelAsync(handle);
        }
        catch (OrleansException)
        {
            return false;
        }
    }
}
