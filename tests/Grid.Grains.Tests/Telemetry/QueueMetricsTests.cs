using Grid.Contracts.Queues;
using Grid.Grains.Machines.Queues;
using Grid.Grains.Queues;
using Orleans.Runtime;

namespace Grid.Grains.Tests.Telemetry;

/// <summary>What a pool's queue measures, by a clock of the test's own.</summary>
public sealed class QueueMetricsTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly string _pool = Guid.NewGuid().ToString("n");
    private readonly Measured _measured;
    private readonly QueueMetrics _metrics;

    public QueueMetricsTests()
    {
        _measured = new Measured(_pool);
        _metrics = new QueueMetrics(_pool, [], Start);
    }

    public void Dispose()
    {
        _metrics.Close();
        _measured.Dispose();
    }

    [Fact]
    public void Placed_ForTheFirstTime_IsTheEndOfItsWait()
    {
        _metrics.Heard(Node("a"), Start);

        _metrics.Placed(Build("1"), At(1, "a"), Start.AddSeconds(7));
        _metrics.Placed(Build("1"), At(1, "a"), Start.AddSeconds(9));

        _measured.All.ShouldBe(["grid.queue.wait 7 grid.build.class=interactive"]);
    }

    [Fact]
    public void Placed_AfterALoss_IsResumedSinceTheNodesLastWord()
    {
        _metrics.Heard(Node("a"), Start.AddSeconds(10));
        _metrics.Placed(Build("1"), At(1, "a"), Start);

        _metrics.Saw(new BuildPlaced(Build("1"), At(2, null)), Start.AddSeconds(15));
        _metrics.Saw(new BuildPlaced(Build("1"), At(2, null)), Start.AddSeconds(16));
        _metrics.Saw(new BuildPlaced(Build("1"), At(3, "b")), Start.AddSeconds(18));

        _measured.All.Skip(1).ShouldBe(["grid.build.resumes 1 grid.resume.reason=lost", "grid.build.resume.duration 8 grid.resume.reason=lost"]);
    }

    [Fact]
    public void Placed_AfterAHandOver_SaysSo()
    {
        _metrics.Heard(Node("a"), Start);
        _metrics.Placed(Build("1"), At(1, "a"), Start);

        _metrics.Placed(Build("1"), At(2, "b") with { HandedOver = true }, Start.AddSeconds(1));

        _measured.All.Skip(1).ShouldBe(["grid.build.resumes 1 grid.resume.reason=handed_over", "grid.build.resume.duration 1 grid.resume.reason=handed_over"]);
    }

    [Fact]
    public void Show_Slots_AreUsedFreeOrDraining()
    {
        _metrics.Show(new QueueStatus
        {
            Nodes = [Status("a", slots: 4, used: 3, draining: false), Status("b", slots: 2, used: 1, draining: true)],
            WaitingCount = 5,
        }, Start, Start.AddSeconds(30));

        var gauges = _measured.Gauges();

        gauges.ShouldContain("grid.queue.slots 4 grid.slot.state=used");
        gauges.ShouldContain("grid.queue.slots 1 grid.slot.state=free");
        gauges.ShouldContain("grid.queue.slots 1 grid.slot.state=draining");
        gauges.ShouldContain("grid.queue.nodes 1 grid.node.state=ready");
        gauges.ShouldContain("grid.queue.builds 5 grid.queue.state=waiting");
        gauges.ShouldContain("grid.queue.oldest_wait 30");
    }

    [Fact]
    public void PoolThatNobodyHas_IsNotNamed()
    {
        using var all = new Measured("(no nodes)");

        _metrics.Refused();

        _measured.All.ShouldBeEmpty();
        all.All.ShouldContain("grid.queue.refusals 1");
    }

    private static QueuedBuild Build(string key) => new() { BuildKey = "tenant/" + key, Tenant = "tenant", App = "app", SubmittedAt = Start, Owner = GrainId.Create("grid.build", "tenant/" + key) };

    private static NodeSession Node(string name) => new(name, "session-" + name);

    private static BuildPlacement At(int number, string? node) => new() { Number = number, Home = node is null ? null : Node(node), RunExtension = node is null ? null : Node(node) };

    private static NodeStatus Status(string name, int slots, int used, bool draining) =>
        new() { Node = Node(name), Slots = slots, Used = used, Guests = 0, Draining = draining, LastSeen = Start };
}
