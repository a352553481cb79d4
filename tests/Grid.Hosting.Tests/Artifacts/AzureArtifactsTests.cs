using Grid.Contracts.Builds;
using Grid.Hosting.Artifacts;
using Grid.Hosting.Storage;
using Grid.Hosting.Tests.Servers;

namespace Grid.Hosting.Tests.Artifacts;

public sealed class AzureArtifactsTests(TestServers servers) : BuildArtifactsConformance
{
    private readonly string _container = "grid-artifacts-" + Guid.NewGuid().ToString("n")[..8];

    protected override async Task<IBuildArtifacts> OpenAsync() => new AzureArtifacts(new AzureContainer(Connections.AzureBlobs(await servers.AzureAsync()), _container));
}
