using System.Net;
using Grid.Oci.Images;
using Grid.Oci.Registry;
using Grid.Oci.Tests.Images;

namespace Grid.Oci.Tests.Registry;

public sealed class RegistryConnectionsTests
{
    [Theory]
    [InlineData("8.8.8.8", true)]
    [InlineData("2600::1", true)]
    [InlineData("127.0.0.1", false)]
    [InlineData("10.1.2.3", false)]
    [InlineData("172.20.0.1", false)]
    [InlineData("192.168.1.1", false)]
    [InlineData("100.64.0.1", false)]
    [InlineData("0.0.0.0", false)]
    [InlineData("224.0.0.1", false)]
    [InlineData("::1", false)]
    [InlineData("::", false)]
    [InlineData("fd00::1", false)]
    [InlineData("::ffff:127.0.0.1", false)]
    [InlineData("64:ff9b::7f00:1", false)]
    public void Address_ThatIsNotPublic_IsRefusedWhenTenantsNameRegistries(string address, bool allowed)
    {
        RegistryConnections.IsAllowed(IPAddress.Parse(address), new RegistryOptions { AllowPrivateAddresses = false }).ShouldBe(allowed);
        RegistryConnections.IsAllowed(IPAddress.Parse(address), new RegistryOptions()).ShouldBeTrue();
    }

    [Theory]
    [InlineData("169.254.169.254")]
    [InlineData("fe80::1")]
    [InlineData("::ffff:169.254.169.254")]
    [InlineData("64:ff9b::a9fe:a9fe")]
    public void LinkLocalAddress_IsRefusedAlways(string address) =>
        RegistryConnections.IsAllowed(IPAddress.Parse(address), new RegistryOptions()).ShouldBeFalse();

    [Fact]
    public async Task Registry_WithAPrivateAddress_IsReachedOnlyWhenListed()
    {
        await using var registry = await RegistryProcess.StartAsync();
        using var strict = new RegistryImageStore(new RegistryOptions { AllowPrivateAddresses = false, RetryDelays = [] }, new AnonymousCredentials());
        using var listed = new RegistryImageStore(
            new RegistryOptions { AllowPrivateAddresses = false, PrivateRegistries = [registry.Host] }, new AnonymousCredentials());

        var e = await Should.ThrowAsync<ImageAccessException>(() => strict.FindAsync(registry.Image("a/b:1"), TestImages.Amd64, CancellationToken.None));

        e.Message.ShouldContain("127.0.0.1, which registries must not have here");
        (await listed.FindAsync(registry.Image("a/b:1"), TestImages.Amd64, CancellationToken.None)).ShouldBeNull();
    }
}
