using Grid.Contracts.Queues;
using Grid.Grains.Machines.Queues;

namespace Grid.Grains.Tests.Machines.Queues;

public sealed class QueueMachineTests
{
    [Fact]
    public void Enqueue_SlotFree_IsPlacedInTheAnswer()
    {
        var pool = new Pool();
        pool.Node("a");

        pool.Submit("b1").Placement!.Home.ShouldBe(Pool.Session("a"));
        pool.Submit("b1").Placement!.Number.ShouldBe(1);
        var second = pool.Submit("b2").Place!;
        (second.Position, second.Reason).ShouldBe((1, "all 1 slots of 1 node are taken"));
        pool.End("b1");
        pool.Placed.Keys.ShouldBe(["b2"]);
    }

    [Fact]
    public void Enqueue_NoNode_SaysSoAndStartsWithTheFirstOne()
    {
        var pool = new Pool();

        pool.Submit("b1").Place!.Reason.ShouldBe("the pool has no node");
        pool.Node("a");
        pool.Placed.Keys.ShouldBe(["b1"]);
    }

    [Fact]
    public void App_OneAtATime_NewestReplacesTheWaitingOne()
    {
        var pool = new Pool();
        pool.Node("a", slots: 4);
        pool.Submit("b1", app: "web");
        pool.Submit("b2", app: "web").Place!.Reason.ShouldBe("build b1 of the same app runs");
        pool.Submit("b3", app: "web");

        pool.Dropped["b2"].ShouldBe(new QueueDrop(QueueDropKind.Replaced, "build b3 of the same app t/web is newer"));
        pool.End("b1");
        pool.Placed.Keys.ShouldBe(["b3"]);
    }

    [Fact]
    public void App_AskedAgainByTheOlderOne_TheNewerStays()
    {
        var pool = new Pool();
        pool.Submit("b1", app: "web");
        var older = pool.Queue.ToBacklogSnapshot().Waiting[0].Build;
        pool.Submit("b2", app: "web");

        pool.Queue.Enqueue(older, pool.Now).Answer.Dropped!.Kind.ShouldBe(QueueDropKind.Replaced);
        pool.Queue.Find("b2").ShouldNotBeNull();
    }

    [Fact]
    public void Tenant_AtItsLimit_WaitsAlthoughSlotsAreFree()
    {
        var pool = new Pool(new QueueLimits { TenantRunning = 2 });
        pool.Node("a", slots: 4);
        pool.Submit("b1");
        pool.Submit("b2");

        pool.Submit("b3").Place!.Reason.ShouldBe("tenant t has 2 builds running, as many as it may");
        pool.Submit("c1", tenant: "u").Placement.ShouldNotBeNull();
        pool.End("b2");
        pool.Placed.ShouldContainKey("b3");
    }

    [Fact]
    public void Full_IsRefusedHonestly_AndNothingIsRemembered()
    {
        var pool = new Pool(new QueueLimits { Queued = 3, TenantQueued = 2 });
        pool.Submit("b1");
        pool.Submit("b2");

        pool.Submit("b3").Refusal!.ShouldContain("tenant t has 2 builds waiting, as many as it may");
        pool.Submit("c1", tenant: "u");
        pool.Submit("d1", tenant: "v").Refusal!.ShouldContain("the queue is full: 3 builds wait");
        pool.Queue.WaitingCount.ShouldBe(3);
        pool.Queue.WhyFull("v", "d1")!.Refusal.ShouldBe("the queue is full: 3 builds wait; try again later");
        pool.Queue.WhyFull("t", "b1").ShouldBeNull();
    }

    [Fact]
    public void Interactive_GoesBeforeAutomatic_ThenPriority_ThenTheAppThatRanLess()
    {
        var pool = new Pool();
        pool.Submit("wave", kind: BuildClass.Automatic, priority: 9);
        pool.Submit("low");
        pool.Submit("high", priority: 1);
        pool.Node("a");

        var order = new List<string>();
        while (pool.Placed.Count > 0)
        {
            order.Add(pool.Placed.Keys.Single());
            pool.End(order[^1]);
        }
        order.ShouldBe(["high", "low", "wave"]);
    }

    [Fact]
    public void Weights_ShareTheTimeAccordingly()
    {
        var pool = new Pool(new QueueLimits { Weights = new Dictionary<string, double> { ["gold"] = 3 } });
        for (var n = 0; n < 80; n++)
        {
            pool.Submit($"g{n}", tenant: "gold");
            pool.Submit($"s{n}", tenant: "silver");
        }
        pool.Node("a");
        var gold = 0;
        for (var n = 0; n < 80; n++)
        {
            var key = pool.Placed.Keys.Single();
            gold += key[0] == 'g' ? 1 : 0;
            pool.Now += TimeSpan.FromSeconds(10);
            pool.End(key);
        }
        gold.ShouldBeInRange(58, 62);
    }

    [Fact]
    public void LongBuilds_CostTheirTenantWhatTheyTake()
    {
        var pool = new Pool();
        for (var n = 0; n < 60; n++)
        {
            pool.Submit($"l{n}", tenant: "long");
            pool.Submit($"s{n}", tenant: "short");
        }
        pool.Node("a");
        var longOnes = 0;
        for (var n = 0; n < 60; n++)
        {
            var key = pool.Placed.Keys.Single();
            longOnes += key[0] == 'l' ? 1 : 0;
            pool.Now += TimeSpan.FromSeconds(key[0] == 'l' ? 30 : 10);
            pool.End(key);
        }
        longOnes.ShouldBeInRange(13, 18);
    }

    [Fact]
    public void Waiting_TooLong_IsDroppedWithTheReason()
    {
        var pool = new Pool(new QueueLimits { Timeout = TimeSpan.FromMinutes(10) });
        pool.Submit("b1");
        pool.Pass(TimeSpan.FromMinutes(9));
        pool.Dropped.ShouldBeEmpty();
        pool.Pass(TimeSpan.FromMinutes(2));

        pool.Dropped["b1"].Kind.ShouldBe(QueueDropKind.TimedOut);
        pool.Dropped["b1"].Reason.ShouldContain("the pool has no node");
    }

    [Fact]
    public void RunExtension_GoesToAnIdleNode_UnlessSomebodyWaitsForIt()
    {
        var pool = new Pool();
        pool.Node("a");
        pool.Node("b");

        var placement = pool.Submit("b1").Placement!;
        placement.RunExtension.ShouldNotBe(placement.Home);
        pool.Submit("b2").Placement!.RunExtension.ShouldBe(pool.Placed["b2"].Home);
    }

    [Fact]
    public void Warm_DrawsBuilds_UntilTheNodeIsBusier()
    {
        var pool = new Pool();
        pool.Node("a", slots: 4, warm: ["app t/web"]);
        pool.Node("b", slots: 4);
        pool.Node("c", slots: 4);
        for (var n = 0; n < 6; n++)
            pool.Submit($"w{n}", warm: ["app t/web"]);

        pool.Placed["w0"].Home.ShouldBe(Pool.Session("a"));
        pool.Placed.Values.Count(p => p.Home == Pool.Session("a")).ShouldBeInRange(2, 3);
    }

    [Fact]
    public void NodeLost_WithASlotElsewhere_MovesInOneStep()
    {
        var pool = new Pool();
        pool.Node("a");
        pool.Submit("b1");
        pool.Node("b");
        pool.Lose("a");

        pool.Placed["b1"].Home.ShouldBe(Pool.Session("b"));
        pool.Placed["b1"].HandedOver.ShouldBeFalse();
        pool.Lose("a");
        pool.Placed["b1"].Number.ShouldBe(3);
    }

    [Fact]
    public void NodeLost_NoneFree_HasNoHome_AndIsFirstWhenOneComes()
    {
        var pool = new Pool();
        pool.Node("a");
        pool.Submit("b1");
        pool.Submit("b2");
        pool.Lose("a", handedOver: true);
        pool.Placed["b1"].Home.ShouldBeNull();
        pool.Node("b");

        pool.Placed["b1"].Home.ShouldBe(Pool.Session("b"));
        pool.Placed["b1"].HandedOver.ShouldBeTrue();
        pool.Waiting.ShouldBe(["b2"]);
    }

    [Fact]
    public void Node_SilentLongerThanItsLease_IsLost_AndHasToBeginAnew()
    {
        var pool = new Pool();
        pool.Node("a");
        pool.Submit("b1");
        pool.Node("b");
        pool.Now += TimeSpan.FromSeconds(25);
        pool.Node("b");
        pool.Pass(TimeSpan.FromSeconds(10));

        pool.Placed["b1"].Home.ShouldBe(Pool.Session("b"));
        pool.Queue.Seen(new NodeReport { Node = Pool.Session("a"), Slots = 1, Builds = ["b1"] }, pool.Now).Orders.ShouldSatisfyAllConditions(o => o.Lost.ShouldBeTrue(), o => o.Release.ShouldBe(["b1"]));
        pool.Node("a", session: 2);
        pool.Queue.Status(0).Nodes.Select(n => n.Node).ShouldBe([Pool.Session("a", 2), Pool.Session("b")]);
    }

    [Fact]
    public void Node_Restarted_LosesWhatItRan()
    {
        var pool = new Pool();
        pool.Node("a");
        pool.Submit("b1");
        pool.Node("a", session: 2);

        pool.Placed["b1"].Home.ShouldBe(Pool.Session("a", 2));
    }

    [Fact]
    public void Node_LetsGoOfWhatIsElsewhereOrOver_AndOfNothingElse()
    {
        var pool = new Pool();
        pool.Node("a", slots: 4);
        pool.Submit("runs");
        pool.Submit("over");
        pool.End("over");

        pool.Queue.Seen(new NodeReport { Node = Pool.Session("a"), Slots = 4, Builds = ["runs", "over", "unknown"] }, pool.Now).Orders.Release.ShouldBe(["over"]);
        pool.Queue.Seen(new NodeReport { Node = Pool.Session("b"), Slots = 4, Builds = ["runs"] }, pool.Now).Orders.Release.ShouldBe(pool.Placed["runs"].RunExtension == Pool.Session("b") ? [] : ["runs"]);
    }

    [Fact]
    public void Draining_GetsNothingNew_AndKeepsWhatRuns()
    {
        var pool = new Pool();
        pool.Node("a", slots: 4);
        pool.Submit("b1");
        pool.Drain("a");

        pool.Submit("b2").Place!.Reason.ShouldBe("node a is draining");
        pool.Placed["b1"].Number.ShouldBe(1);
        pool.Restart();
        pool.Node("a", slots: 4);
        pool.Waiting.ShouldBe(["b2"]);
        pool.Drain("a", drain: false);
        pool.Placed.ShouldContainKey("b2");
    }

    [Fact]
    public void Restart_KeepsWhoRunsAndWhoWaits()
    {
        var pool = new Pool();
        pool.Node("a");
        pool.Submit("b1");
        pool.Submit("b2");
        pool.Restart();

        pool.Submit("b1").Placement!.Home.ShouldBe(Pool.Session("a"));
        pool.Queue.Find("b2").ShouldNotBeNull();
        pool.Node("a");
        pool.Waiting.ShouldBe(["b2"]);
        pool.End("b1");
        pool.Placed.Keys.ShouldBe(["b2"]);
    }

    [Fact]
    public void Estimate_IsWhatBuildsTookLately()
    {
        var pool = new Pool();
        pool.Node("a");
        pool.Submit("b1").Placement.ShouldNotBeNull();
        pool.Submit("b2").Place!.Estimate.ShouldBeNull();
        pool.Now += TimeSpan.FromSeconds(40);
        pool.End("b1");

        var place = pool.Submit("b3").Place!;
        (place.Position, place.Estimate).ShouldBe((1, TimeSpan.FromSeconds(40)));
    }

    [Fact]
    public void Estimate_NodesThatDrain_DoNotCount()
    {
        var pool = new Pool();
        pool.Node("a");
        pool.Node("b", slots: 3);
        pool.Submit("b1");
        pool.Now += TimeSpan.FromSeconds(40);
        pool.End("b1");
        pool.Drain("b");
        pool.Submit("b2").Placement.ShouldNotBeNull();

        var place = pool.Submit("b3").Place!;

        (place.Estimate, place.Reason).ShouldBe((TimeSpan.FromSeconds(40), "all 1 slots of 1 node are taken; 1 is draining"));
        pool.Drain("a");
        pool.Queue.Find("b3")!.Estimate.ShouldBeNull();
    }
}
