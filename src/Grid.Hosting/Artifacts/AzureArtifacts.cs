using Azure;
using Azure.Storage.Blobs;
using Grid.Contracts.Builds;
using Grid.Hosting.Storage;
using Grid.Hosting.Storage.AzureBlobs;

namespace Grid.Hosting.Artifacts;

/// <summary>Artifacts of builds as archives in Azure Blob Storage, beside the journals: <c>key/artifacts/part.zip</c>.</summary>
internal sealed class AzureArtifacts(AzureContainer container) : IBuildArtifacts
{
    public Task WriteAsync(string buildKey, ArtifactPart part, IReadOnlyList<ArtifactFile> files, CancellationToken cancellationToken) => Guarded(buildKey, async () =>
    {
        var blob = await BlobAsync(buildKey, part, cancellationToken);
        return await blob.UploadAsync(BinaryData.FromBytes(ArtifactArchive.Pack(files)), overwrite: true, cancellationToken);
    });

    public Task<IReadOnlyList<ArtifactFile>> ReadAsync(string buildKey, CancellationToken cancellationToken) => Guarded<IReadOnlyList<ArtifactFile>>(buildKey, async () =>
    {
        var parts = await Task.WhenAll(ArtifactArchive.Parts.Select(part => PartAsync(buildKey, part, cancellationToken)));
        return [.. parts.SelectMany(p => p).DistinctBy(f => f.Name)];
    });

    public Task RemoveAsync(string buildKey, CancellationToken cancellationToken) => Guarded(buildKey, async () =>
    {
        foreach (var part in ArtifactArchive.Parts)
            await (await BlobAsync(buildKey, part, cancellationToken)).DeleteIfExistsAsync(cancellationToken: cancellationToken);
        return true;
    });

    private async Task<IReadOnlyList<ArtifactFile>> PartAsync(string buildKey, ArtifactPart part, CancellationToken cancellationToken)
    {
        var blob = await BlobAsync(buildKey, part, cancellationToken);
        try
        {
            using var bytes = (await blob.DownloadContentAsync(cancellationToken)).Value.Content.ToStream();
            return ArtifactArchive.Unpack(bytes, blob.Name);
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return [];
        }
    }

    private async Task<BlobClient> BlobAsync(string buildKey, ArtifactPart part, CancellationToken cancellationToken) =>
        (await container.OpenAsync(cancellationToken)).GetBlobClient($"{BlobNames.Part(buildKey)}/artifacts/{ArtifactArchive.NameOf(part)}");

    private static async Task<T> Guarded<T>(string buildKey, Func<Task<T>> use)
    {
        try
        {
            return await use();
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException)
        {
            // The client gives an aggregate of its attempts when nothing answers.
            throw new IOException($"the artifacts of build {buildKey}: {(e is AggregateException { InnerExceptions: [var first, ..] } ? first : e).Message}", e);
        }
    }
}
