using Grid.Contracts.Queues;
using Grid.Grains.Builds;
using Grid.Grains.Machines.Queues;
using Microsoft.Extensions.Logging;
using Orleans.Runtime;

namespace Grid.Grains.Queues;

/// <inheritdoc cref="IQueueGrain"/>
/// <remarks>
/// Lets <see cref="QueueMachine"/> decide, saves who runs where, tells the builds. Builds are told outside the call, as they may be waiting for this grain.
/// The nodes' calls keep it alive, and bring it back when its silo dies: it then reminds all builds of where they work, which also takes up those whose
/// own grain died with the silo.
/// </remarks>
[GrainType("grid.queue")]
public sealed partial class QueueGrain(
    [PersistentState("queue", GridStorage.Name)] IPersistentState<QueueGrainState> placed,
    [PersistentState("queue-backlog", GridStorage.Name)] IPersistentState<QueueBacklogGrainState> backlog,
    QueueOptions options, ISilos silos, TimeProvider time, ILogger<QueueGrain> log) : Grain, IQueueGrain
{
    /// <summary>Well below the time after which a call is given up.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private readonly HashSet<string> _dead = new(StringComparer.Ordinal);
    private QueueMachine _machine = null!;
    private QueueMetrics _metrics = null!;
    private int _storedPlaced;
    private int _storedWaiting;
    private DateTimeOffset _nextAudit;
    private DateTimeOffset _nextBacklog;
    private long _activated;
    private long _told;
    private bool _isListed;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Never 0, and another one after each change, also by another activation.</summary>
    private long Version => _activated + _machine.PlacedVersion + _machine.WaitingVersion + _machine.NodesVersion;

    public override async Task OnActivateAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        _activated = now.UtcTicks;
        if (options.EndsAbandonedBuilds && placed.State.Placed.Placed.Count + backlog.State.Backlog.Waiting.Count > 0)
            await AbandonAsync();
        _machine = new QueueMachine(options.Limits, placed.State.Placed, backlog.State.Backlog, now);
        _metrics = new QueueMetrics(this.GetPrimaryKeyString(), _machine.Placed, now);
        _dead.UnionWith(silos.Dead());
        _nextAudit = now + options.Audit;
        _nextBacklog = now + options.BacklogPeriod;
        this.RegisterGrainTimer(OnTickAsync, new GrainTimerCreationOptions(options.Tick, options.Tick));
        RemindAll();
    }

    public override Task OnDeactivateAsync(DeactivationReason reason, CancellationToken cancellationToken)
    {
        _metrics?.Close();
        return Task.CompletedTask;
    }

    public async Task<QueueAnswer> EnqueueAsync(QueuedBuild build)
    {
        var (answer, effects) = _machine.Enqueue(build, time.GetUtcNow());
        await PerformAsync(effects);
        if (answer.Placement is { } placement)
            _metrics.Placed(build, placement, time.GetUtcNow());
        else if (answer.Refusal is not null)
            _metrics.Refused();
        return answer;
    }

    public Task<QueueAnswer?> WhyFullAsync(string tenant, string app) => Task.FromResult(_machine.WhyFull(tenant, app));

    public Task EndedAsync(string buildKey)
    {
        _metrics.Ended(buildKey);
        return PerformAsync(_machine.Ended(buildKey, time.GetUtcNow()));
    }

    public async Task<NodeOrders> SynchronizeAsync(NodeReport report)
    {
        var now = time.GetUtcNow();
        _metrics.Heard(report.Node, now);
        var (orders, effects) = _machine.Seen(report, now);
        await PerformAsync(effects);
        return orders;
    }

    public Task LeaveAsync(NodeSession node) => PerformAsync(_machine.SessionLost(node.Session, handedOver: true, time.GetUtcNow()));

    public Task DrainAsync(string node, bool drain) => PerformAsync(_machine.Drain(node, drain, time.GetUtcNow()));

    public Task<QueuePlace?> FindAsync(string buildKey) => Task.FromResult(_machine.Find(buildKey));

    public Task<QueueStatus> GetStatusAsync(int waiting) => Task.FromResult(_machine.Status(waiting) with { Version = Version });

    public async Task WaitForChangeAsync(long known)
    {
        if (Version == known)
            await Task.WhenAny(_changed.Task, Task.Delay(Patience, time));
    }

    /// <summary>Saves who runs where if that has changed, then tells the builds and who watches.</summary>
    private async Task PerformAsync(IReadOnlyList<QueueEffect> effects)
    {
        TellWatchers();
        if (_machine.PlacedVersion != _storedPlaced)
        {
            var version = _machine.PlacedVersion;
            placed.State.Placed = _machine.ToSnapshot();
            // What was decided here and not stored never was: the next activation decides again.
            await this.SaveAsync(placed);
            _storedPlaced = version;
        }
        foreach (var effect in effects)
        {
            _metrics.Saw(effect, time.GetUtcNow());
            Tell(effect);
        }
    }

    private void TellWatchers()
    {
        if (Version == _told)
            return;
        _told = Version;
        var changed = _changed;
        _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        changed.SetResult();
    }

    private async Task OnTickAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        await LookAfterSilosAsync(now);
        await PerformAsync(_machine.Tick(now));
        _metrics.Show(_machine.Status(0), _machine.OldestWaiting, now);
        if (now >= _nextAudit)
        {
            _nextAudit = now + options.Audit;
            RemindAll();
        }
        if (now >= _nextBacklog && _machine.WaitingVersion != _storedWaiting)
        {
            _nextBacklog = now + options.BacklogPeriod;
            var version = _machine.WaitingVersion;
            backlog.State.Backlog = _machine.ToBacklogSnapshot();
            try
            {
                await backlog.WriteStateAsync(cancellationToken);
            }
            catch
            {
                // Who waits is known here; read is only what the next write must replace.
                await backlog.ReadStateAsync(cancellationToken);
                throw;
            }
            _storedWaiting = version;
        }
        await ListAsync();
    }

    /// <summary>Operators find the pool in the directory from its first node on. Not on the way of a node's call, which must not fail for it.</summary>
    private async Task ListAsync()
    {
        if (_isListed || _machine.Sessions.Count == 0)
            return;
        await GrainFactory.GetGrain<IPoolDirectoryGrain>(IPoolDirectoryGrain.Key).AddAsync(this.GetPrimaryKeyString());
        _isListed = true;
    }

    /// <summary>A silo that died takes its node's work with it, and the activations of builds that work elsewhere.</summary>
    private async Task LookAfterSilosAsync(DateTimeOffset now)
    {
        var dead = silos.Dead();
        foreach (var node in _machine.Sessions.Where(s => dead.Contains(SiloOf(s))))
        {
            LogNodeLost(node.Node, node.Session);
            await PerformAsync(_machine.SessionLost(node.Session, handedOver: false, now));
        }
        if (!_dead.IsSupersetOf(dead))
            RemindAll();
        _dead.Clear();
        _dead.UnionWith(dead);
    }

    /// <summary>A session is the silo's address, and a number after '~' when the node had to begin anew within one silo.</summary>
    private static string SiloOf(NodeSession node) => node.Session.Split('~')[0];

    private void RemindAll()
    {
        foreach (var build in _machine.Placed)
            Tell(new BuildPlaced(build.Build, build.Placement));
    }

    /// <summary>Not awaited: the build may be waiting for this grain. A notice that is lost is made good by the next audit.</summary>
    private void Tell(QueueEffect effect)
    {
        var member = GrainFactory.GetGrain<IQueueMember>(effect.Build.Owner);
        var notice = effect switch
        {
            BuildPlaced told => TellAsync(member, told),
            BuildDropped told => Notice.RepeatAsync(() => member.DroppedAsync(told.Drop), time),
            _ => throw new InvalidOperationException(effect.GetType().Name),
        };
        notice.Ignore();
    }

    private async Task TellAsync(IQueueMember member, BuildPlaced told)
    {
        var runs = false;
        await Notice.RepeatAsync(async () => runs = await member.PlacedAsync(told.Placement), time);
        // A submit that failed behind the queue's back left nobody behind the entry. Asked for as a call: this is no turn of the grain's own.
        if (!runs)
            await this.AsReference<IQueueGrain>().EndedAsync(told.Build.BuildKey);
    }

    /// <summary>The process that these builds belonged to is gone: they end, each once.</summary>
    private async Task AbandonAsync()
    {
        var builds = placed.State.Placed.Placed.Select(p => p.Build).Concat(backlog.State.Backlog.Waiting.Select(w => w.Build)).ToList();
        (placed.State.Placed, backlog.State.Backlog) = (placed.State.Placed with { Placed = [] }, new BacklogSnapshot());
        foreach (var build in builds)
            Tell(new BuildDropped(build, new QueueDrop(QueueDropKind.Abandoned, "the process that ran it ended")));
        await this.SaveAsync(placed);
        await this.SaveAsync(backlog);
    }

    [LoggerMessage(1, LogLevel.Warning, "node {Node} is lost: its silo {Session} left the cluster; its builds go on elsewhere")]
    private partial void LogNodeLost(string node, string session);
}
