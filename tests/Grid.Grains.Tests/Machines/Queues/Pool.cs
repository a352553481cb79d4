using Grid.Contracts.Queues;
using Grid.Contracts.Tenants;
using Grid.Grains.Machines.Queues;
using Orleans.Runtime;

namespace Grid.Grains.Tests.Machines.Queues;

/// <summary>A queue with a clock, and the builds as they know themselves: only from what the queue has told them.</summary>
internal sealed class Pool
{
    private readonly QueueLimits _limits;
    private int _submitted;

    public Pool(QueueLimits? limits = null)
    {
        _limits = limits ?? new QueueLimits();
        Queue = new QueueMachine(_limits, new QueueSnapshot(), new BacklogSnapshot(), Now);
    }

    public QueueMachine Queue { get; private set; }

    public DateTimeOffset Now { get; set; } = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Builds that were told to work, and where.</summary>
    public Dictionary<string, BuildPlacement> Placed { get; } = [];

    /// <summary>Builds that were told that they will not run.</summary>
    public Dictionary<string, QueueDrop> Dropped { get; } = [];

    /// <summary>Builds that were taken in and have not been told to work or that they will not.</summary>
    public HashSet<string> Waiting { get; } = [];

    public static NodeSession Session(string node, int number = 1) => new(node, $"{node}-{number}");

    public void Node(string name, int slots = 1, int session = 1, bool leaving = false, string[]? warm = null, string[]? builds = null) =>
        Told(Queue.Seen(new NodeReport { Node = Session(name, session), Slots = slots, Draining = leaving, Warm = warm ?? [], Builds = builds ?? [] }, Now).Effects);

    public QueueAnswer Submit(string key, string tenant = "t", string? app = null, BuildClass kind = BuildClass.Interactive, int priority = 0, string[]? warm = null, TenantQuota? quota = null)
    {
        var build = new QueuedBuild
        {
            BuildKey = key, Owner = GrainId.Create("grid.build", key), Tenant = tenant, App = app ?? key, Class = kind, Priority = priority, Warm = warm ?? [], Quota = quota,
            SubmittedAt = Now.AddTicks(++_submitted),
        };
        var (answer, effects) = Queue.Enqueue(build, Now);
        Told(effects);
        if (answer.Placement is { } placement)
            Placed[key] = placement;
        else if (answer.Dropped is { } drop)
            Dropped[key] = drop;
        else if (answer.Place is not null)
            Waiting.Add(key);
        return answer;
    }

    public void End(string key)
    {
        Placed.Remove(key);
        Waiting.Remove(key);
        Told(Queue.Ended(key, Now));
    }

    public void Lose(string node, int session = 1, bool handedOver = false) => Told(Queue.SessionLost(Session(node, session).Session, handedOver, Now));

    public void Drain(string node, bool drain = true) => Told(Queue.Drain(node, drain, Now));

    public void Pass(TimeSpan time)
    {
        Now += time;
        Told(Queue.Tick(Now));
    }

    /// <summary>The queue's silo dies; another takes its state up. What was not stored in time is lost with it.</summary>
    public void Restart(bool backlogStored = true) => Queue = new QueueMachine(_limits, Queue.ToSnapshot(), backlogStored ? Queue.ToBacklogSnapshot() : new BacklogSnapshot(), Now);

    private void Told(IReadOnlyList<QueueEffect> effects)
    {
        foreach (var effect in effects)
        {
            Waiting.Remove(effect.Build.BuildKey);
            if (effect is BuildPlaced placed)
            {
                placed.Placement.Number.ShouldBeGreaterThan(Placed.GetValueOrDefault(placed.Build.BuildKey)?.Number ?? 0);
                Placed[placed.Build.BuildKey] = placed.Placement;
            }
            else if (effect is BuildDropped dropped)
            {
                Dropped[dropped.Build.BuildKey] = dropped.Drop;
            }
        }
    }
}
