using System.Net;
using Grid.Client;
using Grid.Contracts.Builds;

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
    public async Task Queue_OfAPoolWithoutBuilds_IsEmpty()
    {
        var queue = await api.Operator.GetQueueAsync(BuildRequest.DefaultPool, 10, Stop);
        queue.WaitingCount.ShouldBe(0);
        queue.Waiting.ShouldBeEmpty();
        (await api.Operator.FindPlaceAsync("red", new string('0', 32), Stop)).ShouldBeNull();
    }
}
