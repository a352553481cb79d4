using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Grid.Hosting.Storage;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;

namespace Grid.Hosting.Content;

/// <summary>
/// A shared tier in Azure Blob Storage: <c>sha256/&lt;hex&gt;</c>. A large blob is sent in blocks whose names come from their content; blocks that an
/// interrupted upload left are not sent again, and the blob appears only when all of it is there and verified.
/// </summary>
/// <remarks>
/// A blob's last modification is its last use: its metadata are written when it is used after some time. That changes its ETag too, and a blob is
/// removed on the condition that it still has the ETag with which it was found unused.
/// </remarks>
internal sealed class AzureTier(AzureContainer container, TimeProvider time, int blockSize = 8 * 1024 * 1024, TimeSpan? useResolution = null) : IContentTier
{
    private const int ParallelBlocks = 4;
    private const string Prefix = "sha256/";

    public TimeSpan UseResolution { get; } = useResolution ?? TimeSpan.FromHours(1);

    public async Task<long?> FindAsync(Digest digest, CancellationToken cancellationToken)
    {
        var blob = await BlobAsync(digest, cancellationToken);
        while (await PropertiesAsync(blob, cancellationToken) is { } properties)
        {
            if (time.GetUtcNow() - properties.LastModified <= UseResolution || await IsRenewedAsync(blob, properties.ETag, cancellationToken))
                return properties.ContentLength;
        }
        return null;
    }

    public async IAsyncEnumerable<StoredBlob> ListAsync(byte first, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var blobs = (await container.OpenAsync(cancellationToken)).GetBlobsAsync(new GetBlobsOptions { Prefix = Prefix + first.ToString("x2", CultureInfo.InvariantCulture) }, cancellationToken);
        await foreach (var blob in blobs)
        {
            if (Digest.TryParse("sha256:" + blob.Name[Prefix.Length..], out var digest) && blob.Properties is { ContentLength: { } length, LastModified: { } modified })
                yield return new StoredBlob(digest, length, modified);
        }
    }

    public async Task<bool> RemoveUnusedAsync(Digest digest, DateTimeOffset notUsedSince, CancellationToken cancellationToken)
    {
        var blob = await BlobAsync(digest, cancellationToken);
        if (await PropertiesAsync(blob, cancellationToken) is not { } properties || properties.LastModified >= notUsedSince)
            return false;
        try
        {
            await blob.DeleteAsync(DeleteSnapshotsOption.None, new BlobRequestConditions { IfMatch = properties.ETag }, cancellationToken);
            return true;
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            // Somebody used it just now, or removed it.
            return false;
        }
    }

    private static async Task<BlobProperties?> PropertiesAsync(BlockBlobClient blob, CancellationToken cancellationToken)
    {
        try
        {
            return (await blob.GetPropertiesAsync(cancellationToken: cancellationToken)).Value;
        }
        // A HEAD has no body to name the reason in.
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return null;
        }
    }

    /// <summary>Notes a use; false when the blob has changed meanwhile: used by another node, or gone.</summary>
    private static async Task<bool> IsRenewedAsync(BlockBlobClient blob, ETag etag, CancellationToken cancellationToken)
    {
        try
        {
            await blob.SetMetadataAsync(new Dictionary<string, string> { ["used"] = "1" }, new BlobRequestConditions { IfMatch = etag }, cancellationToken);
            return true;
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            return false;
        }
    }

    public async Task<Stream> OpenAsync(Digest digest, CancellationToken cancellationToken)
    {
        try
        {
            return (await (await BlobAsync(digest, cancellationToken)).DownloadStreamingAsync(cancellationToken: cancellationToken)).Value.Content;
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            throw new BlobNotFoundException($"the blob {digest} is not in the shared content tier");
        }
    }

    public async Task PutAsync(Digest digest, Stream content, CancellationToken cancellationToken)
    {
        var length = content.Length - content.Position;
        if (await FindAsync(digest, cancellationToken) == length)
            return;
        var blob = await BlobAsync(digest, cancellationToken);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        try
        {
            if (length <= blockSize)
                await PutWholeAsync(digest, blob, await ReadAsync(content, (int)length, hash, cancellationToken), hash, cancellationToken);
            else
                await PutBlocksAsync(digest, blob, content, hash, cancellationToken);
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobAlreadyExists || e.ErrorCode == BlobErrorCode.ConditionNotMet)
        {
            // Another node put the same blob there at the same time.
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.ContainerNotFound)
        {
            // It was removed while this node ran; the next attempt makes it again.
            container.Forget();
            throw;
        }
    }

    private async Task PutWholeAsync(Digest digest, BlockBlobClient blob, byte[] bytes, IncrementalHash hash, CancellationToken cancellationToken)
    {
        Verify(digest, hash);
        using var stream = new MemoryStream(bytes, writable: false);
        await blob.UploadAsync(stream, new BlobUploadOptions { Conditions = New }, cancellationToken);
    }

    private async Task PutBlocksAsync(Digest digest, BlockBlobClient blob, Stream content, IncrementalHash hash, CancellationToken cancellationToken)
    {
        var staged = await StagedAsync(blob, cancellationToken);
        var names = new List<string>();
        var sending = new List<Task>();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            for (long rest = content.Length - content.Position; rest > 0; rest -= blockSize)
            {
                var block = await ReadAsync(content, (int)Math.Min(blockSize, rest), hash, cancellationToken);
                var name = NameOf(names.Count, block);
                names.Add(name);
                if (staged.Contains(name))
                    continue;
                if (sending.Count == ParallelBlocks)
                {
                    var first = await Task.WhenAny(sending);
                    sending.Remove(first);
                    await first;
                }
                sending.Add(StageAsync(blob, name, block, stop.Token));
            }
            await Task.WhenAll(sending);
        }
        catch
        {
            await stop.CancelAsync();
            await Task.WhenAll(sending).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
        Verify(digest, hash);
        await blob.CommitBlockListAsync(names, new CommitBlockListOptions { Conditions = New }, cancellationToken);
    }

    private static async Task StageAsync(BlockBlobClient blob, string name, byte[] bytes, CancellationToken cancellationToken)
    {
        using var stream = new MemoryStream(bytes, writable: false);
        await blob.StageBlockAsync(name, stream, cancellationToken: cancellationToken);
    }

    /// <summary>Blocks of an upload that did not come to its end.</summary>
    private static async Task<HashSet<string>> StagedAsync(BlockBlobClient blob, CancellationToken cancellationToken)
    {
        try
        {
            return [.. (await blob.GetBlockListAsync(BlockListTypes.Uncommitted, cancellationToken: cancellationToken)).Value.UncommittedBlocks.Select(b => b.Name)];
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return [];
        }
    }

    /// <summary>Position and content: a block that was staged under this name is this block. All names of a blob must have one length.</summary>
    private static string NameOf(int number, byte[] block)
    {
        Span<byte> name = stackalloc byte[4 + 32];
        BinaryPrimitives.WriteInt32BigEndian(name, number);
        SHA256.HashData(block, name[4..]);
        return Convert.ToBase64String(name);
    }

    private static async Task<byte[]> ReadAsync(Stream content, int length, IncrementalHash hash, CancellationToken cancellationToken)
    {
        var bytes = new byte[length];
        await content.ReadExactlyAsync(bytes, cancellationToken);
        hash.AppendData(bytes);
        return bytes;
    }

    private static void Verify(Digest digest, IncrementalHash hash)
    {
        if (Digest.FromSha256(hash.GetCurrentHash()) is var actual && actual != digest)
            throw new InvalidDataException($"the content of the blob {digest} has the digest {actual}: it was damaged on this node, and is not shared");
    }

    private static BlobRequestConditions New => new() { IfNoneMatch = ETag.All };

    private async ValueTask<BlockBlobClient> BlobAsync(Digest digest, CancellationToken cancellationToken) =>
        (await container.OpenAsync(cancellationToken)).GetBlockBlobClient(Prefix + digest.Hex);
}
