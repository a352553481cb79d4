using Azure.Storage.Blobs;

namespace Grid.Hosting.Storage;

/// <summary>A container that is made when it is first used, and again asked for when that failed.</summary>
internal sealed class AzureContainer(BlobServiceClient client, string name)
{
    private readonly BlobContainerClient _container = client.GetBlobContainerClient(name);
    private volatile bool _exists;

    /// <summary>The container, which exists.</summary>
    public async ValueTask<BlobContainerClient> OpenAsync(CancellationToken cancellationToken)
    {
        if (!_exists)
        {
            await _container.CreateIfNotExistsAsync(cancellationToken: cancellationToken);
            _exists = true;
        }
        return _container;
    }

    /// <summary>Makes the container again at the next use: somebody removed it.</summary>
    public void Forget() => _exists = false;
}
