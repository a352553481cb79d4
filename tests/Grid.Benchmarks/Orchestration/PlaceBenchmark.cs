using System.Globalization;
using Grid.Contracts.Queues;
using Grid.Grains.Machines.Queues;
using Orleans.Runtime;

namespace Grid.Benchmarks.Orchestration;

/// <summary>What it costs to say where a build stands: position, reason and estimate, in a queue that many builds wait in. The queue's rules alone, without grains.</summary>
internal static class PlaceBenchmark
{
    private const int Questions = 2_000;
    private const int Small = 199;
    private static readonly DateTimeOffset Now = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static Figures Measure(int[] depths)
    {
        var figures = new Figures("Where a build stands", "question p50", "question p99", "a new build p50", "a new build p99");
        foreach (var depth in depths)
        {
            Add(figures, depth, "of one tenant", _ => 0);
            if (depth > Small)
                Add(figures, depth, $"{depth - Small} of one tenant and {Small} of as many others", n => n < depth - Small ? 0 : n);
            Add(figures, depth, "of as many tenants", n => n);
            Add(figures, depth, "of half as many tenants", n => n / 2);
        }
        return figures;
    }

    private static void Add(Figures figures, int depth, string shape, Func<int, int> tenantOf)
    {
        // Once for the compiler.
        Run(Math.Min(depth, 100), tenantOf);
        var (asked, came) = Run(depth, tenantOf);
        figures.Add($"{depth}, {shape}", Micro(asked, 0.5), Micro(asked, 0.99), Micro(came, 0.5), Micro(came, 0.99));
    }

    private static (List<TimeSpan> Asked, List<TimeSpan> Came) Run(int depth, Func<int, int> tenantOf)
    {
        var machine = new QueueMachine(new QueueLimits { TenantQueued = int.MaxValue, Queued = int.MaxValue }, new QueueSnapshot(), new BacklogSnapshot(), Now);
        machine.Seen(new NodeReport { Node = new NodeSession("node", "session"), Slots = 1 }, Now);
        // One has run, so that there is an estimate, and one runs, so that all others wait.
        machine.Enqueue(Build("first", 0, 0), Now);
        machine.Ended("first", Now.AddSeconds(30));
        machine.Enqueue(Build("running", 0, 0), Now);
        var came = new List<TimeSpan>(depth);
        for (var n = 0; n < depth; n++)
        {
            var build = Build($"b{n}", tenantOf(n), n + 1);
            came.Add(Time(() => machine.Enqueue(build, Now.AddSeconds(n))));
        }
        var random = new Random(1);
        var asked = new List<TimeSpan>(Questions);
        for (var n = 0; n < Questions; n++)
        {
            var key = $"b{random.Next(depth)}";
            asked.Add(Time(() => machine.Find(key)));
        }
        // Of those that came when the queue was long.
        return (asked, [.. came.TakeLast(Math.Max(10, depth / 10))]);
    }

    private static QueuedBuild Build(string key, int tenant, int app) => new()
    {
        BuildKey = key, Owner = GrainId.Create("build", key), Tenant = $"tenant{tenant}", App = $"app{app}", SubmittedAt = Now, Warm = [],
    };

    private static TimeSpan Time(Action action)
    {
        var begin = TimeProvider.System.GetTimestamp();
        action();
        return TimeProvider.System.GetElapsedTime(begin);
    }

    private static string Micro(IEnumerable<TimeSpan> times, double percentile) =>
        Figures.Percentile(times, percentile).TotalMicroseconds.ToString(Figures.Percentile(times, percentile).TotalMicroseconds < 10 ? "0.0" : "0", CultureInfo.InvariantCulture) + " µs";
}
