using System.Net;
using Grid.Oci.Network;

namespace Grid.Oci.Tests.Network;

public sealed class HostPolicyTests
{
    [Theory]
    [InlineData("8.8.8.8", true, true)]
    [InlineData("172.32.0.1", true, true)]
    [InlineData("2600::1", true, true)]
    [InlineData("127.0.0.1", false, true)]
    [InlineData("10.1.2.3", false, true)]
    [InlineData("172.20.0.1", false, true)]
    [InlineData("192.168.1.1", false, true)]
    [InlineData("100.64.0.1", false, true)]
    [InlineData("::1", false, true)]
    [InlineData("fd00::1", false, true)]
    [InlineData("::ffff:127.0.0.1", false, true)]
    [InlineData("64:ff9b::7f00:1", false, true)]
    [InlineData("0.0.0.0", false, false)]
    [InlineData("224.0.0.1", false, false)]
    [InlineData("::", false, false)]
    [InlineData("ff02::1", false, false)]
    [InlineData("169.254.169.254", false, false)]
    [InlineData("fe80::1", false, false)]
    [InlineData("::ffff:169.254.169.254", false, false)]
    [InlineData("64:ff9b::a9fe:a9fe", false, false)]
    public void Allows_KeepsTheNodesNetworkOut(string address, bool forTenants, bool forItsUser)
    {
        new HostPolicy().Allows(IPAddress.Parse(address)).ShouldBe(forTenants);
        HostPolicy.Own.Allows(IPAddress.Parse(address)).ShouldBe(forItsUser);
    }

    [Theory]
    [InlineData("localhost", "localhost", true)]
    [InlineData("localhost:5000", "LOCALHOST", true)]
    [InlineData("localhost", "localhost:5000", true)]
    [InlineData("[::1]:5000", "::1", true)]
    [InlineData("::1", "[::1]", true)]
    [InlineData("registry.example", "evil.registry.example", false)]
    [InlineData("registry.example", "registry.example.evil", false)]
    public void Lists_LooksAtTheWholeNameAndNotAtThePort(string entry, string host, bool listed) => new HostPolicy { Listed = [entry] }.Lists(host).ShouldBe(listed);

    [Fact]
    public async Task ResolveAsync_AddressThatIsNotPublic_IsRefusedUnlessListed()
    {
        var refusal = await Should.ThrowAsync<HostRefusedException>(() => new HostPolicy().ResolveAsync("127.0.0.1", TestContext.Current.CancellationToken));

        refusal.Message.ShouldStartWith("127.0.0.1 has the address 127.0.0.1, which builds may not use here");
        (await new HostPolicy { Listed = ["127.0.0.1:5000"] }.ResolveAsync("127.0.0.1", TestContext.Current.CancellationToken)).ShouldBe([IPAddress.Loopback]);
    }

    [Fact]
    public void CheckWritten_LooksAtAddressesAndNotAtNames()
    {
        Should.Throw<HostRefusedException>(() => new HostPolicy().CheckWritten("[::1]"));
        Should.NotThrow(() => new HostPolicy().CheckWritten("registry.example"));
    }
}
