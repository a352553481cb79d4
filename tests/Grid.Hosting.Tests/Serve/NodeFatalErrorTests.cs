using Grid.Hosting.Serve;

namespace Grid.Hosting.Tests.Serve;

public sealed class NodeFatalErrorTests
{
    [Fact]
    public void Describe_ANodeThatWasGivenUp_SaysSoOnOneLineWithoutTheTable()
    {
        var text = NodeFatalError.Describe("n1", "I have been told I am dead, so this silo will stop! Reason: Membership: [Version: 7, 3 silos, …]", exception: null);

        text.ShouldStartWith("grid serve: node n1 was given up by the cluster");
        text.ShouldContain("cluster.probe-timeout");
        text.ShouldNotContain("Version");
        text.ShouldNotContain('\n');
    }

    [Fact]
    public void Describe_AnythingElse_SaysAllOfIt() =>
        NodeFatalError.Describe("n1", "the gateway broke", new InvalidOperationException("why")).ShouldBe("grid serve: node n1 cannot go on and ends: the gateway broke: System.InvalidOperationException: why");
}
