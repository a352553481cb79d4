using CsCheck;
using Grid.Contracts.Builds;
using Grid.Contracts.Queues;
using Grid.Grains.Machines.Queues;

namespace Grid.Grains.Tests.Machines.Queues;

public sealed class QueuePropertyTests
{
    /// <summary>
    /// Whatever comes in whatever order, with nodes that come, go, drain, die and come back with what outlived them, and the queue's own silo dying: no limit is exceeded at any moment,
    /// and once nodes are there every build that was taken in has run or was told why not.
    /// </summary>
    [Fact]
    public void AnyInterleaving_ExceedsNoLimitAndEnds() => Gen.Select(Gen.Int[0, 19], Gen.Int[0, 11], Gen.Int[0, 3]).Array[20, 150].Sample(moves =>
    {
        var limits = new QueueLimits { TenantRunning = 3, TenantQueued = 4, Queued = 9, Timeout = TimeSpan.FromMinutes(30) };
        var pool = new Pool(limits);
        var sessions = new int[4];
        var survived = Enumerable.Repeat(Array.Empty<SurvivingWork>(), 4).ToArray();
        var taken = new HashSet<string>();
        var number = 0;
        foreach (var (kind, which, node) in moves)
        {
            switch (kind)
            {
                case < 9:
                    var key = $"b{number++}";
                    if (pool.Submit(key, tenant: $"t{which % 3}", app: $"app{which}", kind: (BuildClass)(which % 2), priority: node).Refusal is null)
                        taken.Add(key);
                    break;
                case 11 or 12 or 19 when pool.Placed.Count > 0:
                    pool.Now += TimeSpan.FromSeconds(which);
                    pool.End(pool.Placed.Keys.Order(StringComparer.Ordinal).ElementAt(which % pool.Placed.Count));
                    break;
                case 13 when pool.Waiting.Count > 0:
                    pool.End(pool.Waiting.Order(StringComparer.Ordinal).ElementAt(which % pool.Waiting.Count));
                    break;
                case 14:
                    Survive();
                    pool.Lose($"n{node}", sessions[node]++, handedOver: which % 2 == 0);
                    break;
                case 9 or 10 when number > 0:
                    // Back before anybody missed it.
                    Survive();
                    Report(++sessions[node]);
                    break;
                case 15:
                    pool.Drain($"n{node}", which % 2 == 0);
                    break;
                case 16:
                    pool.Restart();
                    break;
                case 17:
                    pool.Pass(TimeSpan.FromSeconds(which * 4));
                    break;
                default:
                    Report(sessions[node]);
                    break;
            }

            void Survive() => survived[node] = [.. pool.Placed.Where(p => p.Value.Home == Pool.Session($"n{node}", sessions[node])).Select(p => new SurvivingWork(p.Key, Phase.Build))];

            void Report(int session) => pool.Node($"n{node}", slots: 1 + node % 2, session: session,
                outliving: [.. pool.Placed.Where(p => which % 3 != 0 && p.Value.Home == Pool.Session($"n{node}", session)).Select(p => p.Key)], survivors: which % 4 == 0 ? [] : survived[node]);
            Holds(pool, limits);
        }
        for (var n = 0; n < 4; n++)
        {
            pool.Drain($"n{n}", drain: false);
            pool.Lose($"n{n}", sessions[n]++);
        }
        for (var round = 0; pool.Placed.Count + pool.Waiting.Count > 0; round++)
        {
            round.ShouldBeLessThan(200, "builds wait for ever");
            pool.Pass(limits.Return);
            for (var n = 0; n < 4; n++)
                pool.Node($"n{n}", slots: 1, session: sessions[n]);
            foreach (var key in pool.Placed.Where(p => p.Value.Home is not null).Select(p => p.Key).ToList())
                pool.End(key);
            Holds(pool, limits);
        }
        pool.Queue.WaitingCount.ShouldBe(0);
        pool.Queue.Placed.ShouldBeEmpty();
        pool.Queue.Status(0).Nodes.ShouldAllBe(n => n.Used == 0 && n.Guests == 0);
    });

    private static void Holds(Pool pool, QueueLimits limits)
    {
        var queue = pool.Queue;
        // Both sides know the same: no build runs that the queue has forgotten, and none waits for what has been said already.
        queue.Placed.Select(p => p.Build.BuildKey).Order(StringComparer.Ordinal).ShouldBe(pool.Placed.Keys.Order(StringComparer.Ordinal));
        queue.Placed.ShouldAllBe(p => p.Placement == pool.Placed[p.Build.BuildKey]);
        queue.ToBacklogSnapshot().Waiting.Select(w => w.Build.BuildKey).Order(StringComparer.Ordinal).ShouldBe(pool.Waiting.Order(StringComparer.Ordinal));
        queue.WaitingCount.ShouldBeLessThanOrEqualTo(limits.Queued);
        queue.ToBacklogSnapshot().Waiting.GroupBy(w => w.Build.Tenant).ShouldAllBe(g => g.Count() <= limits.TenantQueued);
        queue.ToBacklogSnapshot().Waiting.GroupBy(w => (w.Build.Tenant, w.Build.App)).ShouldAllBe(g => g.Count() == 1);
        queue.Placed.GroupBy(p => p.Build.Tenant).ShouldAllBe(g => g.Count() <= limits.TenantRunning);
        queue.Placed.GroupBy(p => (p.Build.Tenant, p.Build.App)).ShouldAllBe(g => g.Count() == 1);
        foreach (var node in queue.Status(0).Nodes)
        {
            node.Used.ShouldBe(queue.Placed.Count(p => p.Placement.Home == node.Node));
            node.Guests.ShouldBe(queue.Placed.Count(p => p.Placement.RunExtension == node.Node && p.Placement.Home != node.Node));
            // A node that has not spoken since the queue's restart has no slots yet; one that restarted with fewer keeps nothing of before.
            if (node.Slots > 0)
                node.Used.ShouldBeLessThanOrEqualTo(node.Slots);
        }
        queue.Status(100).Waiting.Select(w => w.Position).ShouldAllBe(p => p >= 1 && p <= queue.WaitingCount);
    }

    /// <summary>design.md §10: 2,000 builds of one tenant and 199 tenants with one each; the small ones wait at most twice as long as alone.</summary>
    [Fact]
    public void ALargeTenant_CostsSmallOnesAtMostTwiceTheirWait()
    {
        var alone = SmallTenantsWaits(large: 0);
        var beside = SmallTenantsWaits(large: 2_000);

        Percentile(beside, 0.99).ShouldBeLessThanOrEqualTo(2 * Percentile(alone, 0.99));
        Percentile(beside, 0.5).ShouldBeLessThanOrEqualTo(2 * Percentile(alone, 0.5));
    }

    private static TimeSpan Percentile(List<TimeSpan> sorted, double p) => sorted[(int)Math.Ceiling(p * sorted.Count) - 1];

    /// <summary>Waits of 199 tenants with one build each, sorted: 20 slots on 5 nodes, builds of 20 to 40 seconds.</summary>
    private static List<TimeSpan> SmallTenantsWaits(int large)
    {
        var pool = new Pool();
        var random = new Random(7);
        var durations = new Dictionary<string, TimeSpan>();
        for (var n = 0; n < 5; n++)
            pool.Node($"n{n}", slots: 4);
        for (var n = 0; n < large; n++)
            Submit($"big{n}", "big");
        for (var n = 0; n < 199; n++)
            Submit($"small{n}", $"tenant{n}");
        var begin = pool.Now;
        var ends = new PriorityQueue<string, DateTimeOffset>();
        var waits = new List<TimeSpan>();
        var known = new HashSet<string>();
        while (waits.Count < 199 || ends.Count > 0)
        {
            foreach (var key in pool.Placed.Keys.Where(known.Add).ToList())
            {
                ends.Enqueue(key, pool.Now + durations[key]);
                if (key.StartsWith("small", StringComparison.Ordinal))
                    waits.Add(pool.Now - begin);
            }
            if (waits.Count == 199)
                break;
            ends.TryDequeue(out var next, out var at).ShouldBeTrue();
            pool.Now = at;
            for (var n = 0; n < 5; n++)
                pool.Node($"n{n}", slots: 4);
            pool.End(next!);
        }
        waits.Sort();
        return waits;

        void Submit(string key, string tenant)
        {
            durations[key] = TimeSpan.FromSeconds(20 + random.Next(20));
            pool.Submit(key, tenant: tenant);
        }
    }
}
