using Grid.Contracts.Tenants;

namespace Grid.Grains.Tests.Machines.Queues;

/// <summary>Bounds that builds bring from their tenants.</summary>
public sealed class TenantQuotaTests
{
    [Fact]
    public void Running_AtTheTenantsBound_WaitsAndSaysWhy()
    {
        var pool = new Pool();
        pool.Node("a", slots: 4);
        var quota = new TenantQuota { MaxRunning = 1 };
        pool.Submit("b1", quota: quota);

        pool.Submit("b2", quota: quota).Place!.Reason.ShouldBe("tenant t has 1 builds running, as many as it may");
        pool.Submit("c1", tenant: "other").Placement.ShouldNotBeNull();
        // A higher bound counts from the next build on.
        pool.Submit("b3", quota: new TenantQuota { MaxRunning = 3 });
        pool.Placed.Keys.ShouldBe(["b1", "c1", "b2", "b3"], ignoreOrder: true);
    }

    [Fact]
    public void Queued_BeyondTheTenantsBound_IsRefused_AndThePoolsBoundHoldsToo()
    {
        var pool = new Pool(new Grid.Grains.Machines.Queues.QueueLimits { TenantQueued = 3 });
        var quota = new TenantQuota { MaxQueued = 2 };
        pool.Submit("b1", quota: quota);
        pool.Submit("b2", quota: quota);

        pool.Submit("b3", quota: quota).Refusal!.ShouldContain("tenant t has 2 builds waiting, as many as it may");
        pool.Queue.WhyFull("t", "another")!.Refusal!.ShouldContain("2 builds");
        pool.Submit("b3", quota: new TenantQuota { MaxQueued = 50 }).Place.ShouldNotBeNull();
        pool.Submit("b4", quota: new TenantQuota { MaxQueued = 50 }).Refusal!.ShouldContain("3 builds");
    }

    [Fact]
    public void Weight_OfTheTenant_DecidesItsShare()
    {
        var pool = new Pool();
        for (var n = 0; n < 30; n++)
        {
            pool.Submit($"heavy-{n}", tenant: "heavy", quota: new TenantQuota { Weight = 2 });
            pool.Submit($"light-{n}", tenant: "light", quota: new TenantQuota());
        }
        pool.Node("a");
        var ran = new List<string>();
        while (ran.Count < 18)
        {
            var running = pool.Placed.Keys.Single();
            ran.Add(running);
            pool.Now += TimeSpan.FromSeconds(30);
            pool.End(running);
        }

        ran.Count(b => b.StartsWith("heavy", StringComparison.Ordinal)).ShouldBeInRange(11, 13);
    }

    [Fact]
    public void Bounds_OutliveTheQueuesSilo()
    {
        var pool = new Pool();
        pool.Node("a", slots: 4);
        pool.Submit("b1", quota: new TenantQuota { MaxRunning = 1 });
        pool.Submit("b2", quota: new TenantQuota { MaxRunning = 1 });
        pool.Restart();
        pool.Node("a", slots: 4);

        pool.Placed.Keys.ShouldBe(["b1"]);
        pool.Queue.Find("b2")!.Reason.ShouldContain("as many as it may");
    }
}
