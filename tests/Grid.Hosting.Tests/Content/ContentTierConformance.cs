using System.Security.Cryptography;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;

namespace Grid.Hosting.Tests.Content;

/// <summary>What every shared tier must do, and what a node's store does with it.</summary>
public abstract class ContentTierConformance : IAsyncLifetime
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-tier-").FullName;

    protected IContentTier Tier { get; private set; } = null!;

    /// <summary>An empty tier; skips the test when its server is missing.</summary>
    protected abstract Task<IContentTier> CreateAsync(string directory);

    /// <summary>Changes a blob behind the tier's back.</summary>
    protected abstract Task DamageAsync(Digest digest, byte[] content);

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => Tier = await CreateAsync(Path.Combine(_directory, "tier"));

    public virtual ValueTask DisposeAsync()
    {
        Directory.Delete(_directory, recursive: true);
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    protected ContentStore NewStore(string name) => new(Path.Combine(_directory, name));

    protected static byte[] Random(int length) => RandomNumberGenerator.GetBytes(length);

    protected async Task<Digest> PutAsync(byte[] content)
    {
        var digest = Digest.Compute(content);
        await Tier.PutAsync(digest, new MemoryStream(content), Token);
        return digest;
    }

    protected async Task<byte[]> ReadAsync(Digest digest)
    {
        await using var stream = await Tier.OpenAsync(digest, Token);
        using var bytes = new MemoryStream();
        await stream.CopyToAsync(bytes, Token);
        return bytes.ToArray();
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64 * 1024)]
    [InlineData(1_000_003)]
    public async Task What_is_put_is_found_and_read(int length)
    {
        var content = Random(length);
        var digest = await PutAsync(content);

        (await Tier.FindAsync(digest, Token)).ShouldBe(length);
        (await ReadAsync(digest)).ShouldBe(content);
    }

    [Fact]
    public async Task What_is_not_there_is_not_found_and_not_opened()
    {
        var digest = Digest.Compute(Random(10));

        (await Tier.FindAsync(digest, Token)).ShouldBeNull();
        await Should.ThrowAsync<BlobNotFoundException>(() => Tier.OpenAsync(digest, Token));
    }

    [Fact]
    public async Task Putting_again_and_at_the_same_time_is_no_error()
    {
        var content = Random(300_000);
        var digest = Digest.Compute(content);
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => Tier.PutAsync(digest, new MemoryStream(content), Token)));
        await PutAsync(content);

        (await ReadAsync(digest)).ShouldBe(content);
    }

    [Theory]
    [InlineData(100)]
    [InlineData(300_000)]
    public async Task Content_with_another_digest_is_refused_and_leaves_nothing(int length)
    {
        var digest = Digest.Compute(Random(length));

        (await Should.ThrowAsync<InvalidDataException>(() => Tier.PutAsync(digest, new MemoryStream(Random(length)), Token))).Message.ShouldContain(digest.Hex);

        (await Tier.FindAsync(digest, Token)).ShouldBeNull();
    }

    [Fact]
    public async Task What_one_node_publishes_another_fetches_verified()
    {
        var (one, two) = (NewStore("one"), NewStore("two"));
        var blobs = new[] { 10, 100_000, 400_000 }.Select(n => one.Put(Random(n), "x/y").Digest).ToList();
        await new TieredContent(one, Tier).PublishAsync(blobs, Token);
        await new TieredContent(two, Tier).FetchAsync(blobs, Token);

        foreach (var digest in blobs)
            (await File.ReadAllBytesAsync(two.PathOf(digest), Token)).ShouldBe(await File.ReadAllBytesAsync(one.PathOf(digest), Token));
    }

    [Fact]
    public async Task What_is_nowhere_is_left_out()
    {
        var content = new TieredContent(NewStore("one"), Tier);
        var unknown = Digest.Compute(Random(10));

        await content.FetchAsync([unknown, default], Token);
        await content.PublishAsync([unknown, default], Token);

        (await content.HasAsync(new Descriptor("x/y", unknown, 10), Token)).ShouldBeFalse();
    }

    [Fact]
    public async Task Has_knows_the_store_and_the_tier()
    {
        var store = NewStore("one");
        var content = new TieredContent(store, Tier);
        var here = store.Put(Random(10), "x/y");
        var there = new Descriptor("x/y", await PutAsync(Random(11)), 11);

        (await content.HasAsync(here, Token)).ShouldBeTrue();
        (await content.HasAsync(there, Token)).ShouldBeTrue();
        (await content.HasAsync(there with { Size = 12 }, Token)).ShouldBeFalse();
    }

    [Fact]
    public async Task A_damaged_blob_of_the_tier_does_not_get_into_a_store()
    {
        var content = Random(50_000);
        var digest = await PutAsync(content);
        content[100] ^= 1;
        await DamageAsync(digest, content);
        var store = NewStore("one");

        await Should.ThrowAsync<InvalidDataException>(() => new TieredContent(store, Tier).FetchAsync([digest], Token));

        store.Contains(digest).ShouldBeFalse();
    }

    [Fact]
    public async Task Many_who_fetch_the_same_share_one_transfer()
    {
        var digest = await PutAsync(Random(200_000));
        var counting = new CountingTier(Tier);
        var content = new TieredContent(NewStore("one"), counting);

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => content.FetchAsync([digest], Token)));

        counting.Opened.ShouldBe(1);
    }

    [Fact]
    public async Task A_damaged_blob_of_a_store_is_not_shared()
    {
        var store = NewStore("one");
        var digest = store.Put(Random(500), "x/y").Digest;
        await File.WriteAllBytesAsync(store.PathOf(digest), Random(500), Token);

        await Should.ThrowAsync<InvalidDataException>(() => new TieredContent(store, Tier).PublishAsync([digest], Token));

        (await Tier.FindAsync(digest, Token)).ShouldBeNull();
    }

    private sealed class CountingTier(IContentTier tier) : IContentTier
    {
        private int _opened;

        public int Opened => _opened;

        public Task<long?> FindAsync(Digest digest, CancellationToken cancellationToken) => tier.FindAsync(digest, cancellationToken);

        public async Task<Stream> OpenAsync(Digest digest, CancellationToken cancellationToken)
        {
            Interlocked.Increment(ref _opened);
            return await tier.OpenAsync(digest, cancellationToken);
        }

        public Task PutAsync(Digest digest, Stream content, CancellationToken cancellationToken) => tier.PutAsync(digest, content, cancellationToken);
    }
}
