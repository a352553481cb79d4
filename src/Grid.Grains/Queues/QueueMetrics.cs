using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Grid.Contracts;
using Grid.Contracts.Queues;
using Grid.Grains.Machines.Queues;

namespace Grid.Grains.Queues;

/// <summary>
/// What is measured of one pool's queue, where its grain is. Pools are named by operators, but a build may name one that does not exist: the name is a tag
/// only from the moment a node of the pool has spoken.
/// </summary>
internal sealed class QueueMetrics
{
    private const string NoPool = "(no nodes)";
    private static readonly ConcurrentDictionary<QueueMetrics, QueueMetrics> Open = new();
    private static readonly Histogram<double> Wait = GridTelemetry.Duration("grid.queue.wait", "Time from a build's acceptance until it has a node");
    private static readonly Counter<long> Refusals = GridTelemetry.Meter.CreateCounter<long>("grid.queue.refusals", "{build}", "Builds that were not taken in, because the queue or the tenant's part of it was full");
    private static readonly Counter<long> Drops = GridTelemetry.Meter.CreateCounter<long>("grid.queue.drops", "{build}", "Builds that left the queue without having run");
    private static readonly Counter<long> Resumes = GridTelemetry.Meter.CreateCounter<long>("grid.build.resumes", "{build}", "Builds that lost a node they worked on, and go on elsewhere");
    private static readonly Histogram<double> ResumeDuration = GridTelemetry.Duration("grid.build.resume.duration", "Time from the last word of a build's lost node until the build has another one");
    private static readonly ObservableGauge<long> Builds = GridTelemetry.Meter.CreateObservableGauge("grid.queue.builds", () => Observe(BuildsOf), "{build}", "Builds of the pool that wait or run");
    private static readonly ObservableGauge<long> Slots = GridTelemetry.Meter.CreateObservableGauge("grid.queue.slots", () => Observe(SlotsOf), "{slot}", "Builds that nodes of the pool take at a time: used, free, or on nodes that get no new ones");
    private static readonly ObservableGauge<long> Nodes = GridTelemetry.Meter.CreateObservableGauge("grid.queue.nodes", () => Observe(NodesOf), "{node}", "Nodes of the pool");
    private static readonly ObservableGauge<double> OldestWait = GridTelemetry.Meter.CreateObservableGauge("grid.queue.oldest_wait", () => Observe(OldestOf), "s", "How long the build that waits longest has waited; 0 when none waits");

    private readonly string _name;
    private readonly Dictionary<string, Position> _positions = new(StringComparer.Ordinal);
    private readonly Dictionary<string, DateTimeOffset> _heard = new(StringComparer.Ordinal);
    private readonly DateTimeOffset _since;
    private volatile QueueGauge _gauge = new();
    private volatile bool _hasNodes;

    /// <summary>Begins to measure a pool, whose builds that run are known.</summary>
    public QueueMetrics(string pool, IEnumerable<PlacedBuild> placed, DateTimeOffset now)
    {
        (_name, _since) = (pool, now);
        foreach (var build in placed)
            _positions[build.Build.BuildKey] = new Position(build.Placement, null);
        Open[this] = this;
    }

    private KeyValuePair<string, object?> Pool => new("grid.pool", _hasNodes ? _name : NoPool);

    /// <summary>The queue is elsewhere from now on.</summary>
    public void Close() => Open.TryRemove(this, out _);

    /// <summary>A node has spoken.</summary>
    public void Heard(NodeSession node, DateTimeOffset now)
    {
        _hasNodes = true;
        if (_heard.Count > 4096)
            _heard.Clear();
        _heard[node.Session] = now;
    }

    public void Refused() => Refusals.Add(1, Pool);

    /// <summary>A build was placed, placed elsewhere, or dropped.</summary>
    public void Saw(QueueEffect effect, DateTimeOffset now)
    {
        if (effect is BuildPlaced placed)
            Placed(placed.Build, placed.Placement, now);
        else if (effect is BuildDropped { Drop.Kind: var kind })
            Drops.Add(1, Pool, new("grid.queue.drop.reason", kind switch { QueueDropKind.Replaced => "replaced", QueueDropKind.TimedOut => "timed_out", _ => "abandoned" }));
    }

    /// <summary>A build works somewhere; being told again changes nothing.</summary>
    public void Placed(QueuedBuild build, BuildPlacement placement, DateTimeOffset now)
    {
        if (!_positions.TryGetValue(build.BuildKey, out var before))
        {
            _positions[build.BuildKey] = new Position(placement, null);
            Wait.Record(Seconds(now - build.SubmittedAt), Pool, new("grid.build.class", build.Class == BuildClass.Interactive ? "interactive" : "automatic"));
            return;
        }
        if (placement.Number <= before.Placement.Number)
            return;
        var reason = new KeyValuePair<string, object?>("grid.resume.reason", placement.HandedOver ? "handed_over" : "lost");
        var lostSince = before.LostSince;
        if (lostSince is null && LostBy(before.Placement, placement) is { } session)
        {
            lostSince = _heard.TryGetValue(session, out var heard) ? heard : _since;
            Resumes.Add(1, Pool, reason);
        }
        if (lostSince is { } since && placement.Home is not null)
        {
            ResumeDuration.Record(Seconds(now - since), Pool, reason);
            lostSince = null;
        }
        _positions[build.BuildKey] = new Position(placement, lostSince);
    }

    public void Ended(string build) => _positions.Remove(build);

    /// <summary>Shows how things stand now.</summary>
    public void Show(QueueStatus status, DateTimeOffset? oldest, DateTimeOffset now)
    {
        _hasNodes |= status.Nodes.Length > 0;
        var open = status.Nodes.Where(n => !n.Draining).ToList();
        var used = status.Nodes.Sum(n => (long)Math.Min(n.Used, n.Slots));
        _gauge = new QueueGauge
        {
            Waiting = status.WaitingCount,
            Running = status.Running.Length,
            OldestWait = oldest is { } since ? Seconds(now - since) : 0,
            Used = used,
            Free = open.Sum(n => (long)Math.Max(0, n.Slots - n.Used)),
            Closed = status.Nodes.Where(n => n.Draining).Sum(n => (long)Math.Max(0, n.Slots - n.Used)),
            Ready = open.Count,
            Draining = status.Nodes.Length - open.Count,
        };
    }

    private static string? LostBy(BuildPlacement before, BuildPlacement now) =>
        before.Home is { } home && home != now.Home ? home.Session : before.RunExtension is { } run && run != now.RunExtension ? run.Session : null;

    private static double Seconds(TimeSpan time) => Math.Max(0, time.TotalSeconds);

    private static IEnumerable<Measurement<T>> Observe<T>(Func<QueueMetrics, IEnumerable<Measurement<T>>> of)
        where T : struct => [.. Open.Keys.SelectMany(of)];

    private static Measurement<long>[] BuildsOf(QueueMetrics queue) =>
        [new(queue._gauge.Waiting, queue.Pool, State("grid.queue.state", "waiting")), new(queue._gauge.Running, queue.Pool, State("grid.queue.state", "running"))];

    private static Measurement<long>[] SlotsOf(QueueMetrics queue) =>
        [new(queue._gauge.Used, queue.Pool, State("grid.slot.state", "used")), new(queue._gauge.Free, queue.Pool, State("grid.slot.state", "free")), new(queue._gauge.Closed, queue.Pool, State("grid.slot.state", "draining"))];

    private static Measurement<long>[] NodesOf(QueueMetrics queue) =>
        [new(queue._gauge.Ready, queue.Pool, State("grid.node.state", "ready")), new(queue._gauge.Draining, queue.Pool, State("grid.node.state", "draining"))];

    private static Measurement<double>[] OldestOf(QueueMetrics queue) => [new(queue._gauge.OldestWait, queue.Pool)];

    private static KeyValuePair<string, object?> State(string name, string value) => new(name, value);

    /// <summary>Where a build works, and since when it has lost its node.</summary>
    private readonly record struct Position(BuildPlacement Placement, DateTimeOffset? LostSince);

    /// <summary>How a queue stands; read by whoever collects, on another thread.</summary>
    private sealed record QueueGauge
    {
        public long Waiting { get; init; }

        public long Running { get; init; }

        public double OldestWait { get; init; }

        public long Used { get; init; }

        public long Free { get; init; }

        public long Closed { get; init; }

        public long Ready { get; init; }

        public long Draining { get; init; }
    }
}
