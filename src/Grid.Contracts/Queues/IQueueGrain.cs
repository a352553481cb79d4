using Grid.Oci;
using Orleans.Concurrency;

namespace Grid.Contracts.Queues;

/// <summary>Something that works on nodes and has to be let onto them by a queue.</summary>
[Alias("grid.IQueueMember")]
public interface IQueueMember : IGrainWithStringKey
{
    /// <summary>
    /// The queue says where the build works: at admission, when a node was lost, and now and then to make sure. The build sees to it that its work runs
    /// there. False when there is no such build, or it has ended: the queue can forget it.
    /// </summary>
    [Alias("Placed")]
    Task<bool> PlacedAsync(BuildPlacement placement);

    /// <summary>Content that it relies on, now or later: blobs that no collection may take.</summary>
    [Alias("GetContent"), ReadOnly]
    Task<Digest[]> GetContentAsync();

    /// <summary>The queue gave the build up before it ran.</summary>
    [Alias("Dropped")]
    Task DroppedAsync(QueueDrop drop);
}

/// <summary>The queue of a pool of nodes, keyed by the pool's name. A build calls it at its start and at its end, never for a step.</summary>
[Alias("grid.IQueueGrain")]
public interface IQueueGrain : IGrainWithStringKey
{
    /// <summary>Takes a build in, or says why not. Repeating the call is safe and answers where the build stands.</summary>
    [Alias("Enqueue")]
    Task<QueueAnswer> EnqueueAsync(QueuedBuild build);

    /// <summary>What a new build of this app would be refused with now; null when there is room. Changes nothing, so a full queue costs nobody a write.</summary>
    [Alias("WhyFull"), ReadOnly]
    Task<QueueAnswer?> WhyFullAsync(string tenant, string app);

    /// <summary>The build is at its end, or nobody wants it any more. Repeating the call changes nothing.</summary>
    [Alias("Ended")]
    Task EndedAsync(string buildKey);

    /// <summary>A node says what it is and what it has; the answer says what it shall let go of. A node that stays silent longer than its lease is lost.</summary>
    [Alias("Synchronize")]
    Task<NodeOrders> SynchronizeAsync(NodeReport report);

    /// <summary>A node ends in good order: what it still has goes to others.</summary>
    [Alias("Leave")]
    Task LeaveAsync(NodeSession node);

    /// <summary>Switches whether a node gets new builds. Holds over restarts of the node and of the queue.</summary>
    [Alias("Drain")]
    Task DrainAsync(string node, bool drain);

    /// <summary>Where a build stands in the queue; null when it is not in it.</summary>
    [Alias("Find"), ReadOnly]
    Task<QueuePlace?> FindAsync(string buildKey);

    /// <summary>Nodes, running builds, and the first of the waiting ones.</summary>
    [Alias("GetStatus"), ReadOnly]
    Task<QueueStatus> GetStatusAsync(int waiting);

    /// <summary>
    /// Waits until the queue's <see cref="QueueStatus.Version"/> is another than this one, or for a while. Not to be called when that version is 0: the queue
    /// is then of an earlier build of Grid, which does not know this method.
    /// </summary>
    [Alias("WaitForChange"), AlwaysInterleave]
    Task WaitForChangeAsync(long known);
}
