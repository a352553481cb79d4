using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using Grid.Hosting.Content;
using Grid.Hosting.Storage;
using Grid.Hosting.Tests.Servers;
using Grid.Oci;
using Grid.Oci.Content;

namespace Grid.Hosting.Tests.Content;

/// <summary>A directory.</summary>
public sealed class DirectoryTierTests : ContentTierConformance
{
    private string _directory = "";

    protected override Task<IContentTier> CreateAsync(string directory) => Task.FromResult<IContentTier>(new DirectoryTier(_directory = directory));

    protected override Task AgeAsync(Digest digest)
    {
        File.SetLastAccessTimeUtc(Path.Combine(_directory, "blobs", "sha256", digest.Hex), DateTime.UtcNow - TimeSpan.FromDays(1));
        return Task.CompletedTask;
    }

    protected override Task DamageAsync(Digest digest, byte[] content) => File.WriteAllBytesAsync(Path.Combine(_directory, "blobs", "sha256", digest.Hex), content, Token);
}

/// <summary>Azure Blob Storage, with blocks small enough that the suite's blobs have several.</summary>
public sealed class AzureTierTests(TestServers servers) : ContentTierConformance
{
    private const int BlockSize = 64 * 1024;
    private readonly string _container = "grid-content-" + Guid.NewGuid().ToString("n")[..8];
    private readonly StagedBlocks _staged = new();
    private BlobServiceClient _client = null!;

    protected override async Task<IContentTier> CreateAsync(string directory)
    {
        var options = new BlobClientOptions(BlobClientOptions.ServiceVersion.V2026_06_06);
        options.AddPolicy(_staged, HttpPipelinePosition.PerCall);
        _client = new BlobServiceClient(await servers.AzureAsync(), options);
        return new AzureTier(new AzureContainer(_client, _container), TimeProvider.System, BlockSize, useResolution: TimeSpan.FromMilliseconds(1));
    }

    protected override async Task DamageAsync(Digest digest, byte[] content) =>
        await _client.GetBlobContainerClient(_container).GetBlobClient("sha256/" + digest.Hex).UploadAsync(new BinaryData(content), overwrite: true, Token);

    /// <summary>The service says when a blob was last written, to the second: what was used before is what was used in an earlier one.</summary>
    protected override async Task AgeAsync(Digest digest)
    {
        var used = (await _client.GetBlobContainerClient(_container).GetBlobClient("sha256/" + digest.Hex).GetPropertiesAsync(cancellationToken: Token)).Value.LastModified;
        while (TimeProvider.System.GetUtcNow() < used + TimeSpan.FromSeconds(1.1))
            await Task.Delay(20, Token);
    }

    [Fact]
    public async Task An_interrupted_upload_goes_on_where_it_stopped()
    {
        var content = Random(BlockSize * 6 + 5);
        var digest = Digest.Compute(content);
        _staged.FailAfter = 5;
        await Should.ThrowAsync<IOException>(() => Tier.PutAsync(digest, new MemoryStream(content), Token));
        (await Tier.FindAsync(digest, Token)).ShouldBeNull();
        var blob = _client.GetBlobContainerClient(_container).GetBlockBlobClient("sha256/" + digest.Hex);
        var left = (await blob.GetBlockListAsync(BlockListTypes.Uncommitted)).Value.UncommittedBlocks.Count();
        left.ShouldBeGreaterThan(0);
        _staged.FailAfter = int.MaxValue;
        var before = _staged.Count;

        await Tier.PutAsync(digest, new MemoryStream(content), Token);

        // A block whose sending was cut may have arrived all the same.
        (_staged.Count - before).ShouldBeInRange(1, 7 - left);
        (await ReadAsync(digest)).ShouldBe(content);
    }

    [Fact]
    public async Task Equal_blocks_are_each_in_their_place()
    {
        var content = new byte[BlockSize * 4 + 1];
        content[^1] = 1;

        (await ReadAsync(await PutAsync(content))).ShouldBe(content);
    }

    /// <summary>Counts blocks that are sent, and cuts the connection at one.</summary>
    private sealed class StagedBlocks : HttpPipelinePolicy
    {
        private int _count;

        public int Count => _count;

        public int FailAfter { get; set; } = int.MaxValue;

        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            Look(message);
            ProcessNext(message, pipeline);
        }

        public override ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            Look(message);
            return ProcessNextAsync(message, pipeline);
        }

        private void Look(HttpMessage message)
        {
            if (message.Request.Uri.Query.Contains("comp=block&", StringComparison.Ordinal) && Interlocked.Increment(ref _count) > FailAfter)
                throw new IOException("the connection is cut");
        }
    }
}
