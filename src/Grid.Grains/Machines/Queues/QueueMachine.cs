using Grid.Contracts.Queues;

namespace Grid.Grains.Machines.Queues;

/// <summary>
/// A pool's queue without clock, chance or I/O: the same calls give the same answers. Who may run is decided by <see cref="Backlog"/>, where by
/// <see cref="NodeTable"/>; here they meet.
/// </summary>
/// <remarks>
/// <code>
///            ┌─dropped (newer build, too long)
/// enqueued → waiting → placed ⇄ placed without a node (its own was lost)
///     │         └────────┴──ended→ forgotten
///     └→ refused (full)
/// </code>
/// </remarks>
public sealed class QueueMachine
{
    private const int EndedRemembered = 4096;
    private readonly QueueLimits _limits;
    private readonly NodeTable _nodes = new();
    private readonly Backlog _backlog;
    private readonly Dictionary<string, PlacedBuild> _placed = new(StringComparer.Ordinal);
    private readonly List<QueueEffect> _effects = [];
    private readonly RecentKeys _ended = new(EndedRemembered);
    private readonly RecentKeys _lost = new(EndedRemembered);

    /// <summary>A queue as it was stored. Nodes are known again when they speak; those that do not within a lease are lost.</summary>
    public QueueMachine(QueueLimits limits, QueueSnapshot placed, BacklogSnapshot backlog, DateTimeOffset now)
    {
        (_limits, _backlog) = (limits, new Backlog(limits));
        foreach (var node in placed.Drained)
            _nodes.Drain(node, drain: true);
        _backlog.Restore(backlog.Now, backlog.Seconds);
        foreach (var build in placed.Placed)
        {
            _placed[build.Build.BuildKey] = build;
            _backlog.Start(build.Build);
            Occupy(build.Placement, +1, now);
        }
        foreach (var tenant in backlog.Tenants)
            _backlog.Restore(tenant.Tenant, tenant.Time, tenant.Seconds);
        _backlog.Restore(backlog.Now, backlog.Seconds);
        foreach (var waiting in backlog.Waiting.Where(w => !_placed.ContainsKey(w.Build.BuildKey)))
            _backlog.Add(waiting.Build, waiting.Since);
    }

    /// <summary>Grows with each change of <see cref="Placed"/>.</summary>
    public int PlacedVersion { get; private set; }

    /// <summary>Grows with each change of <see cref="Waiting"/>.</summary>
    public int WaitingVersion { get; private set; }

    /// <summary>Grows with each change of the nodes but for when they spoke last.</summary>
    public int NodesVersion => _nodes.Version;

    /// <summary>Builds that were let in.</summary>
    public IReadOnlyCollection<PlacedBuild> Placed => _placed.Values;

    /// <summary>How many builds wait.</summary>
    public int WaitingCount => _backlog.Count;

    /// <summary>Since when the one waits that has waited longest; null when none does.</summary>
    public DateTimeOffset? OldestWaiting => _backlog.Oldest?.Since;

    /// <summary>Sessions of nodes that are taken to be there.</summary>
    public IReadOnlyList<NodeSession> Sessions => [.. _nodes.All.Select(n => n.Id)];

    /// <summary>Takes a build in, or answers where it is.</summary>
    public (QueueAnswer Answer, IReadOnlyList<QueueEffect> Effects) Enqueue(QueuedBuild build, DateTimeOffset now)
    {
        if (_placed.TryGetValue(build.BuildKey, out var placed))
            return (new QueueAnswer { Placement = placed.Placement }, []);
        if (_backlog.Find(build.BuildKey) is { } known)
            return (new QueueAnswer { Place = PlaceOf(known) }, []);
        if (Admit(build, now) is { } refusal)
            return (refusal, TakeEffects());
        Pump(now);
        var effects = TakeEffects();
        return _placed.TryGetValue(build.BuildKey, out placed)
            ? (new QueueAnswer { Placement = placed.Placement }, [.. effects.Where(e => e.Build.BuildKey != build.BuildKey)])
            : (new QueueAnswer { Place = PlaceOf(_backlog.Find(build.BuildKey)!) }, effects);
    }

    /// <summary>The refusal of a new build of an app when there is no room for it. One that replaces a build that waits takes that one's room.</summary>
    public QueueAnswer? WhyFull(string tenant, string app) =>
        _backlog.OfApp(tenant, app) is not null ? null
        : _backlog.Count >= _limits.Queued ? Refused($"the queue is full: {_backlog.Count} builds wait")
        : (_backlog.FindTenant(tenant)?.Waiting.Count ?? 0) is var own && own >= _backlog.MaxQueued(tenant) ? Refused($"tenant {tenant} has {own} builds waiting, as many as it may")
        : null;

    /// <summary>A build has ended, or nobody wants it any more.</summary>
    public IReadOnlyList<QueueEffect> Ended(string buildKey, DateTimeOffset now)
    {
        if (_backlog.Find(buildKey) is { } waiting)
        {
            _backlog.Remove(waiting);
            WaitingVersion++;
        }
        if (_placed.Remove(buildKey, out var placed))
        {
            Occupy(placed.Placement, -1, now);
            _backlog.End(placed.Build, placed.Charged, Math.Max(0, (now - placed.Since).TotalSeconds));
            _ended.Add(buildKey);
            PlacedVersion++;
        }
        Pump(now);
        return TakeEffects();
    }

    /// <summary>A node speaks.</summary>
    public (NodeOrders Orders, IReadOnlyList<QueueEffect> Effects) Seen(NodeReport report, DateTimeOffset now)
    {
        if (_lost.Contains(report.Node.Session))
            return (new NodeOrders { Lease = _limits.Lease, Lost = true, Release = report.Builds }, []);
        foreach (var earlier in _nodes.All.Where(n => n.Id.Node == report.Node.Node && n.Id != report.Node).ToList())
            Lose(earlier.Id, handedOver: false, now);
        var node = _nodes.Open(report.Node, now);
        node.LastSeen = now;
        _nodes.Take(node, report);
        Pump(now);
        return (new NodeOrders { Lease = _limits.Lease, Release = [.. report.Builds.Where(b => IsUnwanted(b, report.Node))] }, TakeEffects());
    }

    /// <summary>A session is over, and with it all that ran in it.</summary>
    /// <param name="session">The session; one that is not known changes nothing.</param>
    /// <param name="handedOver">The node left in good order.</param>
    /// <param name="now">Now.</param>
    public IReadOnlyList<QueueEffect> SessionLost(string session, bool handedOver, DateTimeOffset now)
    {
        if (_nodes.Find(session) is { } node)
            Lose(node.Id, handedOver, now);
        Pump(now);
        return TakeEffects();
    }

    /// <summary>Switches whether a node gets new builds.</summary>
    public IReadOnlyList<QueueEffect> Drain(string node, bool drain, DateTimeOffset now)
    {
        if (_nodes.Drain(node, drain))
            PlacedVersion++;
        Pump(now);
        return TakeEffects();
    }

    /// <summary>Time passes: nodes that were silent too long are lost, builds that waited too long are dropped.</summary>
    public IReadOnlyList<QueueEffect> Tick(DateTimeOffset now)
    {
        foreach (var silent in _nodes.All.Where(n => now - n.LastSeen > _limits.Lease).ToList())
            Lose(silent.Id, handedOver: false, now);
        while (_backlog.Oldest is { } oldest && now - oldest.Since > _limits.Timeout)
            Drop(oldest, QueueDropKind.TimedOut, $"it waited longer than {_limits.Timeout:g} in the queue: {ReasonOf(oldest)}");
        _backlog.Prune();
        Pump(now);
        return TakeEffects();
    }

    /// <summary>Where a build stands; null when it does not wait.</summary>
    public QueuePlace? Find(string buildKey) => _backlog.Find(buildKey) is { } waiting ? PlaceOf(waiting) : null;

    /// <summary>The pool as people see it.</summary>
    public QueueStatus Status(int waiting) => new()
    {
        Nodes = [.. _nodes.All.Select(n => new NodeStatus
        {
            Node = n.Id, Slots = n.Slots, Used = n.Used, Guests = n.Guests, Draining = _nodes.IsDraining(n), LastSeen = n.LastSeen, Labels = new(n.Labels),
            Warm = [.. n.Warm.Order(StringComparer.Ordinal)],
        })],
        Running = [.. _placed.Values.OrderBy(p => p.Since).Select(p => new RunningBuild(p.Build, p.Placement, p.Since))],
        WaitingCount = _backlog.Count,
        Waiting = [.. _backlog.All.Take(waiting).Select(PlaceOf).OrderBy(p => p.Position)],
    };

    /// <summary>What has to be stored with each change of <see cref="PlacedVersion"/>.</summary>
    public QueueSnapshot ToSnapshot() => new() { Placed = [.. _placed.Values], Drained = [.. _nodes.Drained] };

    /// <summary>What is stored now and then.</summary>
    public BacklogSnapshot ToBacklogSnapshot() => new()
    {
        Waiting = [.. _backlog.All.Select(w => new WaitingBuild(w.Build, w.Since))],
        Tenants = [.. _backlog.Tenants.Select(t => new TenantTime(t.Name, t.Time, t.Seconds))],
        Now = _backlog.Now,
        Seconds = _backlog.Seconds,
    };

    /// <summary>Lets a build wait, or says why not.</summary>
    private QueueAnswer? Admit(QueuedBuild build, DateTimeOffset now)
    {
        var since = now;
        _backlog.Bound(build);
        if (WhyFull(build.Tenant, build.App) is { } refusal)
            return refusal;
        if (_backlog.OfApp(build.Tenant, build.App) is { } older)
        {
            if (older.Build.SubmittedAt > build.SubmittedAt)
                return new QueueAnswer { Dropped = Replaced(older.Build.BuildKey, build) };
            since = older.Since;
            // Somebody who looks at the screen still does.
            build = build with { Class = (BuildClass)Math.Min((int)build.Class, (int)older.Build.Class), Priority = Math.Max(build.Priority, older.Build.Priority) };
            _backlog.Remove(older);
            _effects.Add(new BuildDropped(older.Build, Replaced(build.BuildKey, build)));
        }
        _backlog.Add(build, since);
        WaitingVersion++;
        return null;
    }

    private static QueueDrop Replaced(string by, QueuedBuild build) => new(QueueDropKind.Replaced, $"build {by} of the same app {build.Tenant}/{build.App} is newer");

    private QueueAnswer Refused(string reason) => _backlog.Seconds > 0 && _nodes.Slots > 0 && Math.Ceiling(_backlog.Seconds / _nodes.Slots) is var seconds
        ? new QueueAnswer { Refusal = $"{reason}; try again in about {seconds:0} s, when the next one has started", RetryAfter = TimeSpan.FromSeconds(seconds) }
        : new QueueAnswer { Refusal = $"{reason}; try again later" };

    private void Drop(Backlog.Waiting waiting, QueueDropKind kind, string reason)
    {
        _backlog.Remove(waiting);
        WaitingVersion++;
        _effects.Add(new BuildDropped(waiting.Build, new QueueDrop(kind, reason)));
    }

    /// <summary>Gives free slots away: to builds that lost their node, then to those whose turn it is.</summary>
    private void Pump(DateTimeOffset now)
    {
        if (!_nodes.HasFree)
            return;
        foreach (var homeless in _placed.Values.Where(p => p.Placement.Home is null).OrderBy(p => p.Since).ThenBy(p => p.Build.BuildKey, StringComparer.Ordinal).ToList())
        {
            if (_nodes.ChooseHome(homeless.Build.BuildKey, homeless.Build.Warm) is not { } home)
                return;
            var before = homeless.Placement;
            Place(homeless with { Placement = before with { Number = before.Number + 1, Home = home.Id, RunExtension = before.RunExtension ?? GuestFor(homeless.Build, home).Id } }, before, now);
        }
        while (_backlog.Next is { } next && _nodes.ChooseHome(next.Build.BuildKey, next.Build.Warm) is { } home)
        {
            _backlog.Remove(next);
            WaitingVersion++;
            var charged = _backlog.Start(next.Build);
            Place(new PlacedBuild(next.Build, new BuildPlacement { Number = 1, Home = home.Id, RunExtension = GuestFor(next.Build, home).Id }, now, charged), null, now);
        }
    }

    /// <summary>An idle slot elsewhere when nobody waits for it, else the home.</summary>
    private NodeTable.Node GuestFor(QueuedBuild build, NodeTable.Node home) =>
        _backlog.Next is null && _nodes.ChooseGuest(build.BuildKey, home.Id) is { } guest ? guest : home;

    private void Place(PlacedBuild build, BuildPlacement? before, DateTimeOffset now)
    {
        if (before is not null)
            Occupy(before, -1, now);
        Occupy(build.Placement, +1, now);
        _placed[build.Build.BuildKey] = build;
        PlacedVersion++;
        _effects.RemoveAll(e => e is BuildPlaced && e.Build.BuildKey == build.Build.BuildKey);
        _effects.Add(new BuildPlaced(build.Build, build.Placement));
    }

    private void Occupy(BuildPlacement placement, int count, DateTimeOffset now)
    {
        if (placement.Home is { } home && (count > 0 ? _nodes.Open(home, now) : _nodes.Find(home.Session)) is { } node)
            node.Used += count;
        if (placement.RunExtension is { } run && run != placement.Home && (count > 0 ? _nodes.Open(run, now) : _nodes.Find(run.Session)) is { } guest)
            guest.Guests += count;
    }

    private void Lose(NodeSession lost, bool handedOver, DateTimeOffset now)
    {
        _nodes.Remove(lost.Session);
        _lost.Add(lost.Session);
        foreach (var build in _placed.Values.Where(p => p.Placement.Home == lost || p.Placement.RunExtension == lost).ToList())
        {
            var before = build.Placement;
            var home = before.Home == lost ? null : before.Home;
            var run = before.RunExtension == lost ? home : before.RunExtension;
            Place(build with { Placement = new BuildPlacement { Number = before.Number + 1, Home = home, RunExtension = run, HandedOver = handedOver } }, before, now);
        }
    }

    /// <summary>Whether a node that has something of a build shall let go of it. Of builds that are not known the node knows more.</summary>
    private bool IsUnwanted(string buildKey, NodeSession node) =>
        _placed.TryGetValue(buildKey, out var placed) ? placed.Placement.Home != node && placed.Placement.RunExtension != node : _ended.Contains(buildKey);

    private QueuePlace PlaceOf(Backlog.Waiting waiting)
    {
        var ahead = _backlog.Ahead(waiting);
        return new QueuePlace
        {
            BuildKey = waiting.Build.BuildKey,
            Position = ahead + 1,
            Reason = ReasonOf(waiting),
            Estimate = _backlog.Seconds > 0 && _nodes.OpenSlots is > 0 and var slots ? TimeSpan.FromSeconds((ahead + 1) * _backlog.Seconds / slots) : null,
            Since = waiting.Since,
        };
    }

    private string ReasonOf(Backlog.Waiting waiting)
    {
        var nodes = _nodes.All.Where(n => n.Slots > 0).ToList();
        if (nodes.Count == 0)
            return "the pool has no node";
        var tenant = _backlog.FindTenant(waiting.Build.Tenant)!;
        if (tenant.IsRunning(waiting.Build.App))
            return $"build {_placed.Values.First(p => p.Build.Tenant == tenant.Name && p.Build.App == waiting.Build.App).Build.BuildKey} of the same app runs";
        if (_backlog.IsAtLimit(tenant))
            return $"tenant {tenant.Name} has {tenant.Running} builds running, as many as it may";
        var open = nodes.Count(n => !_nodes.IsDraining(n));
        if (open == 0)
            return nodes.Count == 1 ? $"node {nodes[0].Id.Node} is draining" : $"all {nodes.Count} nodes of the pool are draining";
        var others = open < nodes.Count ? $"; {nodes.Count - open} {(nodes.Count - open == 1 ? "is" : "are")} draining" : "";
        return $"all {_nodes.OpenSlots} slots of {open} node{(open == 1 ? "" : "s")} are taken{others}";
    }

    private IReadOnlyList<QueueEffect> TakeEffects()
    {
        QueueEffect[] taken = [.. _effects];
        _effects.Clear();
        return taken;
    }
}
