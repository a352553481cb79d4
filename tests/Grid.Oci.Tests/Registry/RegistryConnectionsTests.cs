using Grid.Oci.Images;
using Grid.Oci.Network;
using Grid.Oci.Registry;
using Grid.Oci.Tests.Images;

namespace Grid.Oci.Tests.Registry;

public sealed class RegistryConnectionsTests
{
    [Fact]
    public async Task Registry_WithAPrivateAddress_IsReachedOnlyWhenListed()
    {
        await using var registry = await RegistryProcess.StartAsync();
        using var strict = new RegistryImageStore(new RegistryOptions { Hosts = new HostPolicy(), RetryDelays = [] }, new AnonymousCredentials());
        using var listed = new RegistryImageStore(new RegistryOptions { Hosts = new HostPolicy { Listed = [registry.Host] } }, new AnonymousCredentials());

        var e = await Should.ThrowAsync<ImageAccessException>(() => strict.FindAsync(registry.Image("a/b:1"), TestImages.Amd64, CancellationToken.None));

        e.Message.ShouldContain("127.0.0.1, which builds may not use here");
        (await listed.FindAsync(registry.Image("a/b:1"), TestImages.Amd64, CancellationToken.None)).ShouldBeNull();
    }
}
