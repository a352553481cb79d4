using System.Net;
using Grid.Client;
using Grid.Contracts.Builds;
using Grid.Contracts.Queues;
using Grid.Grains.Tests.Cluster;

namespace Grid.Api.Tests;

public sealed class PoolTests(ApiUnderTest api) : IClassFixture<ApiUnderTest>
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Nodes_AreListed_AndADrainHolds()
    {
        var node = (await api.Operator.ListNodesAsync(BuildRequest.DefaultPool, Stop)).Items.ShouldHaveSingleItem();
        node.Draining.ShouldBeFalse();
        node.Slots.ShouldBeGreaterThan(0);

        (await api.Operator.DrainNodeAsync(BuildRequest.DefaultPool, node.Name, drain: true, Stop)).Draining.ShouldBeTrue();
        (await api.Operator.ListNodesAsync(BuildRequest.DefaultPool, Stop)).Items.Single().Draining.ShouldBeTrue();
        (await api.Operator.DrainNodeAsync(BuildRequest.DefaultPool, node.Name, drain: false, Stop)).Draining.ShouldBeFalse();
    }

    [Fact]
    public async Task Drain_OfANodeThatIsNone_IsNotFound() =>
        (await Should.ThrowAsync<GridApiException>(api.Operator.DrainNodeAsync(BuildRequest.DefaultPool, "no-such-node", drain: true, Stop))).Status.ShouldBe(HttpStatusCode.NotFound);

    [Fact]
    public async Task Pools_AreListed_WithTheirNodes()
    {
        var pool = (await api.Operator.ListPoolsAsync(Stop)).Items.Single(p => p.Name == BuildRequest.DefaultPool);
        (pool.Nodes, pool.Waiting, pool.Running, pool.Used, pool.Draining).ShouldBe((1, 0, 0, 0, 0));
        pool.Slots.ShouldBe((await api.Operator.ListNodesAsync(BuildRequest.DefaultPool, Stop)).Items.Single().Slots);
    }

    [Fact]
    public async Task Pool_WithItsFirstNode_ComesIntoTheList()
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        patience.CancelAfter(TestGrid.Patience);
        await api.Grid.Grains.GetGrain<IQueueGrain>("arm64").SynchronizeAsync(new NodeReport { Node = new NodeSession("elsewhere", "elsewhere"), Slots = 3 });

        // The queue tells the directory by itself.
        while ((await api.Operator.ListPoolsAsync(patience.Token)).Items.All(p => p.Name != "arm64"))
            await Task.Delay(50, patience.Token);
        (await api.Operator.ListPoolsAsync(Stop)).Items.Select(p => p.Name).ShouldBe(["arm64", BuildRequest.DefaultPool]);
    }

    [Fact]
    public async Task Queue_OfAPoolWithoutBuilds_IsEmpty()
    {
        var queue = await api.Operator.GetQueueAsync(BuildRequest.DefaultPool, 10, Stop);
        queue.WaitingCount.ShouldBe(0);
        queue.Waiting.ShouldBeEmpty();
        (await api.Operator.FindPlaceAsync("red", new string('0', 32), Stop)).ShouldBeNull();
    }
}
