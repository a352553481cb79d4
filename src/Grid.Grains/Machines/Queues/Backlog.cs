using Grid.Contracts.Queues;
using Grid.Contracts.Tenants;

namespace Grid.Grains.Machines.Queues;

/// <summary>
/// The builds that wait, and whose turn it is: tenants by fair share of the time their builds take, within a tenant interactive builds first, then by
/// priority, then apps by fair share, then first come. Of one app at most one build waits and at most one runs.
/// </summary>
/// <remarks>
/// Start-time fair queueing: each tenant has a time of its own that a build moves on by what it is expected to take, over the tenant's weight, and
/// that is put right when it ends. The tenant with the lowest time is next. One that was away starts at the time of the last that was served: it
/// neither saved anything up nor has to wait for what others used before.
/// </remarks>
internal sealed class Backlog(QueueLimits limits)
{
    private const double DefaultSeconds = 30;
    private readonly Dictionary<string, Tenant> _tenants = new(StringComparer.Ordinal);
    private readonly SortedSet<Tenant> _ready = new(Tenant.Order);

    /// <summary>Tenants of which one build waits: how many of them come before another tenant is known without looking at them.</summary>
    private readonly RankedSet<Tenant> _withOne = new(Tenant.Order);

    /// <summary>Tenants of which several builds wait.</summary>
    private readonly HashSet<Tenant> _withSeveral = [];
    private readonly Dictionary<string, Waiting> _waiting = new(StringComparer.Ordinal);
    private readonly SortedSet<Waiting> _byAge = new(Comparer<Waiting>.Create((a, b) => a.Since != b.Since ? a.Since.CompareTo(b.Since) : a.Number.CompareTo(b.Number)));
    private double _now;
    private long _number;

    public int Count => _waiting.Count;

    /// <summary>Seconds a build takes, as far as known; 0 before the first has ended.</summary>
    public double Seconds { get; private set; }

    public IEnumerable<Waiting> All => _byAge;

    public IEnumerable<Tenant> Tenants => _tenants.Values;

    public double Now => _now;

    public Waiting? Find(string buildKey) => _waiting.GetValueOrDefault(buildKey);

    public Tenant? FindTenant(string name) => _tenants.GetValueOrDefault(name);

    /// <summary>The build of the app that waits.</summary>
    public Waiting? OfApp(string tenant, string app) => FindTenant(tenant)?.Waiting.GetValueOrDefault(app);

    public Waiting? Oldest => _byAge.Min;

    public Waiting Add(QueuedBuild build, DateTimeOffset since)
    {
        var waiting = new Waiting(build, since, ++_number);
        _waiting.Add(build.BuildKey, waiting);
        _byAge.Add(waiting);
        Bound(build);
        Change(Open(build.Tenant), t => t.Add(waiting));
        return waiting;
    }

    public void Remove(Waiting waiting)
    {
        _waiting.Remove(waiting.Build.BuildKey);
        _byAge.Remove(waiting);
        Change(Open(waiting.Build.Tenant), t => t.Remove(waiting));
    }

    /// <summary>The build that goes next; null when none may.</summary>
    public Waiting? Next => _ready.Min?.Next;

    /// <summary>A build runs from now on; it is charged what it will probably take.</summary>
    public double Start(QueuedBuild build)
    {
        Bound(build);
        var tenant = Open(build.Tenant);
        var charge = ExpectedSeconds(tenant);
        _now = Math.Max(_now, tenant.Time);
        Change(tenant, t => t.Start(build.App, charge / t.Weight));
        return charge;
    }

    /// <summary>A build no longer runs: what it really took counts.</summary>
    public void End(QueuedBuild build, double charged, double seconds)
    {
        var tenant = Open(build.Tenant);
        Change(tenant, t => t.End(build.App, (seconds - charged) / t.Weight));
        tenant.Seconds = Average(tenant.Seconds, seconds);
        Seconds = Average(Seconds, seconds);
    }

    /// <summary>Forgets tenants that have nothing here and nothing to make up for.</summary>
    public void Prune()
    {
        foreach (var idle in _tenants.Values.Where(t => t.Running == 0 && t.Waiting.Count == 0 && t.Time <= _now).ToList())
            _tenants.Remove(idle.Name);
    }

    /// <summary>How many builds go before this one, if none comes and all take as long as lately.</summary>
    public int Ahead(Waiting waiting)
    {
        var own = Open(waiting.Build.Tenant);
        var ahead = own.Ahead(waiting);
        var turn = own.Time + ahead * ExpectedSeconds(own) / own.Weight;
        // Of tenants with one build those go before that come before this tenant at that time.
        var at = new Tenant(own.Name, own.Weight) { Time = turn };
        ahead += _withOne.RankOf(at) - (own.Waiting.Count == 1 && Tenant.Order.Compare(own, at) < 0 ? 1 : 0);
        foreach (var other in _withSeveral.Where(t => t != own))
        {
            var step = ExpectedSeconds(other) / other.Weight;
            var before = Math.Ceiling((turn - other.Time) / step) + (turn == other.Time && string.CompareOrdinal(other.Name, own.Name) < 0 ? 1 : 0);
            ahead += (int)Math.Clamp(before, 0, other.Waiting.Count);
        }
        return ahead;
    }

    public bool IsAtLimit(Tenant tenant) => tenant.Running >= Least(limits.TenantRunning, tenant.Quota?.MaxRunning);

    /// <summary>How many builds of a tenant may wait.</summary>
    public int MaxQueued(string tenant) => Least(limits.TenantQueued, FindTenant(tenant)?.Quota?.MaxQueued);

    /// <summary>Bounds of a tenant as the build brings them: those of the build that was submitted last count for all.</summary>
    public void Bound(QueuedBuild build)
    {
        if (build.Quota is { } quota && build.SubmittedAt >= Open(build.Tenant).QuotaAt)
            Change(Open(build.Tenant), t => (t.Quota, t.QuotaAt) = (quota, build.SubmittedAt));
    }

    private static int Least(int limit, int? quota) => quota is > 0 and var own ? Math.Min(limit, own) : limit;

    /// <summary>Puts a tenant's time back as it was stored.</summary>
    public void Restore(string tenant, double time, double seconds) => Change(Open(tenant), t => (t.Time, t.Seconds) = (time, seconds));

    /// <summary>Puts the shared clock back as it was stored.</summary>
    public void Restore(double now, double seconds) => (_now, Seconds) = (now, seconds);

    private double ExpectedSeconds(Tenant tenant) => tenant.Seconds > 0 ? tenant.Seconds : Seconds > 0 ? Seconds : DefaultSeconds;

    private static double Average(double known, double value) => Math.Max(0.001, known <= 0 ? value : known * 0.8 + value * 0.2);

    private Tenant Open(string name)
    {
        if (!_tenants.TryGetValue(name, out var tenant))
            _tenants[name] = tenant = new Tenant(name, limits.WeightOf(name)) { Time = _now };
        return tenant;
    }

    /// <summary>Changes a tenant, which may change its place among those that can go.</summary>
    private void Change(Tenant tenant, Action<Tenant> change)
    {
        _ready.Remove(tenant);
        _withOne.Remove(tenant);
        _withSeveral.Remove(tenant);
        var idle = tenant.Running == 0 && tenant.Waiting.Count == 0;
        change(tenant);
        if (idle)
            tenant.Time = Math.Max(tenant.Time, _now);
        if (tenant.Next is not null && !IsAtLimit(tenant))
            _ready.Add(tenant);
        if (tenant.Waiting.Count == 1)
            _withOne.Add(tenant);
        else if (tenant.Waiting.Count > 1)
            _withSeveral.Add(tenant);
    }

    /// <summary>A build that waits.</summary>
    internal sealed record Waiting(QueuedBuild Build, DateTimeOffset Since, long Number)
    {
        /// <summary>The order within a tenant.</summary>
        public static readonly Comparer<Waiting> Order = Comparer<Waiting>.Create((a, b) =>
            a.Build.Class != b.Build.Class ? a.Build.Class.CompareTo(b.Build.Class)
            : a.Build.Priority != b.Build.Priority ? b.Build.Priority.CompareTo(a.Build.Priority)
            : a.AppRuns != b.AppRuns ? a.AppRuns.CompareTo(b.AppRuns)
            : a.Number.CompareTo(b.Number));

        /// <summary>How many builds of the app have run since the tenant was last away.</summary>
        public int AppRuns { get; set; }

        public bool Equals(Waiting? other) => ReferenceEquals(this, other);

        public override int GetHashCode() => Number.GetHashCode();
    }

    /// <summary>A tenant with builds here.</summary>
    internal sealed class Tenant(string name, double weight)
    {
        /// <summary>Whose turn it is first.</summary>
        public static readonly Comparer<Tenant> Order = Comparer<Tenant>.Create((a, b) => a.Time != b.Time ? a.Time.CompareTo(b.Time) : string.CompareOrdinal(a.Name, b.Name));

        private readonly HashSet<string> _runningApps = new(StringComparer.Ordinal);
        private readonly Dictionary<string, int> _appRuns = new(StringComparer.Ordinal);
        private readonly RankedSet<Waiting> _next = new(Backlog.Waiting.Order);

        public string Name { get; } = name;

        public double Weight => Quota?.Weight ?? weight;

        /// <summary>Its own bounds; null for those of the pool alone.</summary>
        public TenantQuota? Quota { get; set; }

        /// <summary>When the build that brought it was submitted.</summary>
        public DateTimeOffset QuotaAt { get; set; }

        public double Time { get; set; }

        /// <summary>Seconds its builds take; 0 before the first has ended.</summary>
        public double Seconds { get; set; }

        public int Running => _runningApps.Count;

        /// <summary>By app.</summary>
        public Dictionary<string, Waiting> Waiting { get; } = new(StringComparer.Ordinal);

        public Waiting? Next => _next.Min;

        /// <summary>How many of its own builds go before this one; also those that are held back while a build of their app runs.</summary>
        public int Ahead(Waiting waiting) =>
            _next.RankOf(waiting) + _runningApps.Count(app => Waiting.TryGetValue(app, out var held) && Backlog.Waiting.Order.Compare(held, waiting) < 0);

        public bool IsRunning(string app) => _runningApps.Contains(app);

        public void Add(Waiting waiting)
        {
            Waiting.Add(waiting.Build.App, waiting);
            waiting.AppRuns = _appRuns.GetValueOrDefault(waiting.Build.App);
            if (!IsRunning(waiting.Build.App))
                _next.Add(waiting);
        }

        public void Remove(Waiting waiting)
        {
            Waiting.Remove(waiting.Build.App);
            _next.Remove(waiting);
        }

        public void Start(string app, double time)
        {
            _runningApps.Add(app);
            _appRuns[app] = _appRuns.GetValueOrDefault(app) + 1;
            Time += time;
        }

        public void End(string app, double correction)
        {
            _runningApps.Remove(app);
            Time += correction;
            if (_runningApps.Count == 0 && Waiting.Count == 0)
                _appRuns.Clear();
            if (!Waiting.TryGetValue(app, out var waiting))
                return;
            waiting.AppRuns = _appRuns.GetValueOrDefault(app);
            _next.Add(waiting);
        }
    }
}
