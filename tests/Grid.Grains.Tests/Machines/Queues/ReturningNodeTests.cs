using Grid.Contracts.Builds;
using Grid.Contracts.Queues;
using Grid.Grains.Machines.Queues;

namespace Grid.Grains.Tests.Machines.Queues;

/// <summary>Nodes whose silos die while sandboxes go on there.</summary>
public sealed class ReturningNodeTests
{
    private static readonly SurvivingWork[] Buildpacks = [new("b1", Phase.Build)];

    [Fact]
    public void Lost_WithASandboxThatGoesOn_IsWaitedForAndGetsItsBuildAgain()
    {
        var pool = Running();
        pool.Lose("a");
        pool.Placed["b1"].Home.ShouldBeNull();

        pool.Node("a", session: 2, builds: ["b1"], survivors: Buildpacks);

        pool.Placed["b1"].ShouldSatisfyAllConditions(
            p => p.Home.ShouldBe(Pool.Session("a", 2)), p => p.RunExtension.ShouldBe(Pool.Session("a", 2)), p => p.Survived.ShouldBe([Phase.Build]), p => p.Number.ShouldBe(3));
    }

    [Fact]
    public void Lost_WithASandboxThatGoesOn_IsNotWaitedForLong()
    {
        var pool = Running();
        pool.Lose("a");
        pool.Pass(new QueueLimits().Return - TimeSpan.FromSeconds(1));
        pool.Placed["b1"].Home.ShouldBeNull();
        pool.Pass(TimeSpan.FromSeconds(1));

        pool.Placed["b1"].ShouldSatisfyAllConditions(p => p.Home.ShouldBe(Pool.Session("b")), p => p.Survived.ShouldBeEmpty());
        var (orders, _) = pool.Queue.Seen(new NodeReport { Node = Pool.Session("a", 2), Slots = 1, Builds = ["b1"], Survivors = Buildpacks }, pool.Now);
        orders.Release.ShouldBe(["b1"]);
    }

    [Fact]
    public void Lost_WithASandboxThatGoesOn_IsNotOvertakenWhileItIsWaitedFor()
    {
        var pool = Running();
        pool.Lose("a");
        pool.Submit("b2").Place!.Reason.ShouldBe("what is free is kept for builds whose node may come back");
        pool.Waiting.ShouldBe(["b2"]);
        pool.Pass(new QueueLimits().Return);

        pool.Placed["b1"].Home.ShouldBe(Pool.Session("b"));
        pool.Waiting.ShouldBe(["b2"]);
    }

    [Fact]
    public void Back_WhileItIsWaitedFor_LetsOthersHaveWhatWasKept()
    {
        var pool = Running();
        pool.Lose("a");
        pool.Submit("b2");
        pool.Node("a", session: 2, builds: ["b1"], survivors: Buildpacks);

        pool.Placed["b1"].Home.ShouldBe(Pool.Session("a", 2));
        pool.Placed["b2"].Home.ShouldBe(Pool.Session("b"));
    }

    [Fact]
    public void Lost_WhenTheQueueMovesToASiloWhoseClockIsBehind_IsNotWaitedForLonger()
    {
        var pool = Running();
        pool.Lose("a");
        pool.Now -= TimeSpan.FromHours(1);
        pool.Restart();
        pool.Node("b");
        pool.Placed["b1"].Home.ShouldBeNull();
        pool.Pass(new QueueLimits().Return);

        pool.Placed["b1"].Home.ShouldBe(Pool.Session("b"));
    }

    [Fact]
    public void Lost_WithoutSuchASandbox_IsNotWaitedFor()
    {
        var pool = Running(outliving: []);
        pool.Lose("a");

        pool.Placed["b1"].Home.ShouldBe(Pool.Session("b"));
    }

    [Fact]
    public void Back_BeforeItWasMissed_KeepsItsBuild()
    {
        var pool = Running();
        pool.Node("a", session: 2, builds: ["b1"], survivors: Buildpacks);

        pool.Placed["b1"].ShouldSatisfyAllConditions(p => p.Home.ShouldBe(Pool.Session("a", 2)), p => p.Survived.ShouldBe([Phase.Build]), p => p.Number.ShouldBe(2));
    }

    [Fact]
    public void Back_WithWhatAnEndedBuildLeft_LetsItGo_AlsoWhenTheQueueMoved()
    {
        var pool = Running();
        pool.Lose("a");
        pool.End("b1");
        pool.Restart();

        var (orders, _) = pool.Queue.Seen(new NodeReport { Node = Pool.Session("a", 2), Slots = 1, Builds = ["b1", "b9"], Survivors = Buildpacks }, pool.Now);

        orders.Release.ShouldBe(["b1"]);
    }

    [Fact]
    public void HandedOver_IsNotWaitedFor()
    {
        var pool = Running();
        pool.Lose("a", handedOver: true);

        pool.Placed["b1"].Home.ShouldBe(Pool.Session("b"));
    }

    /// <summary>A build at home on one of two nodes.</summary>
    private static Pool Running(string[]? outliving = null)
    {
        var pool = new Pool();
        pool.Node("a");
        pool.Submit("b1");
        pool.Node("a", builds: ["b1"], outliving: outliving ?? ["b1"]);
        pool.Node("b");
        return pool;
    }
}
