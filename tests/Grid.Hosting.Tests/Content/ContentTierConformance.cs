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

    /// <summary>Makes a blob one that nobody has used for a while: for longer than the tier's resolution, and before now.</summary>
    protected abstract Task AgeAsync(Digest digest);

    private async Task<List<StoredBlob>> ListAsync()
    {
        var all = new List<StoredBlob>();
        for (var first = 0; first < 256; first++)
            all.AddRange(await Tier.ListAsync((byte)first, Token).ToListAsync(Token));
        return all;
    }

    /// <summary>Now, as the tier's clock shows it: no blob that is used from here on was used before.</summary>
    private static DateTimeOffset Now => new(TimeProvider.System.GetUtcNow().Ticks / TimeSpan.TicksPerSecond * TimeSpan.TicksPerSecond, TimeSpan.Zero);

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

        var error = await Should.ThrowAsync<InvalidDataException>(() => new TieredContent(store, Tier).FetchAsync([digest], Token));

        error.Message.ShouldContain($"the blob {digest} was damaged in the shared content tier, and has been removed from it; build again");
        store.Contains(digest).ShouldBeFalse();
        // A node that has it and works with it puts it there again.
        content[100] ^= 1;
        var other = NewStore("other");
        other.Put(content, "x/y").Digest.ShouldBe(digest);
        await new TieredContent(other, Tier).FetchAsync([digest], Token);
        await new TieredContent(store, Tier).FetchAsync([digest], Token);
        store.Contains(digest).ShouldBeTrue();
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

    [Fact]
    public async Task Blobs_are_listed_by_the_first_byte_of_their_digests()
    {
        var digests = new List<Digest>();
        for (var n = 0; n < 20; n++)
            digests.Add(await PutAsync(Random(100 + n)));

        var listed = await ListAsync();
        listed.Select(b => b.Digest).ShouldBe(digests, ignoreOrder: true);
        listed.Single(b => b.Digest == digests[7]).Size.ShouldBe(107);
        listed.ShouldAllBe(b => TimeProvider.System.GetUtcNow() - b.LastUsed < TimeSpan.FromMinutes(10));
        (await Tier.ListAsync(Convert.FromHexString(digests[3].Hex)[0], Token).ToListAsync(Token)).ShouldContain(b => b.Digest == digests[3]);
    }

    [Fact]
    public async Task What_is_unused_is_removed_and_what_was_used_since_stays()
    {
        var (unused, found, put) = (await PutAsync(Random(10)), await PutAsync(Random(11)), Random(12));
        var again = await PutAsync(put);
        foreach (var digest in new[] { unused, found, again })
            await AgeAsync(digest);
        var since = Now;
        await Tier.FindAsync(found, Token);
        await PutAsync(put);

        (await Tier.RemoveUnusedAsync(unused, since, Token)).ShouldBeTrue();
        (await Tier.RemoveUnusedAsync(found, since, Token)).ShouldBeFalse();
        (await Tier.RemoveUnusedAsync(again, since, Token)).ShouldBeFalse();
        (await Tier.RemoveUnusedAsync(unused, since, Token)).ShouldBeFalse();

        (await Tier.FindAsync(unused, Token)).ShouldBeNull();
        (await ReadAsync(again)).ShouldBe(put);
    }

    [Fact]
    public async Task What_a_node_uses_from_its_own_store_stays_in_the_tier_and_what_the_tier_lost_comes_back()
    {
        var store = NewStore("one");
        var (used, lost) = (store.Put(Random(500), "x/y").Digest, store.Put(Random(600), "x/y").Digest);
        await new TieredContent(store, Tier).PublishAsync([used, lost], Token);
        await AgeAsync(used);
        await AgeAsync(lost);
        var since = Now;
        (await Tier.RemoveUnusedAsync(lost, since, Token)).ShouldBeTrue();

        await new TieredContent(store, Tier).FetchAsync([used, lost], Token);

        (await Tier.RemoveUnusedAsync(used, since, Token)).ShouldBeFalse();
        (await Tier.FindAsync(lost, Token)).ShouldBe(600);
    }

    [Fact]
    public async Task Who_finds_or_puts_a_blob_while_it_is_being_removed_keeps_it_or_knows_that_it_is_gone()
    {
        for (var round = 0; round < 4; round++)
        {
            var contents = Enumerable.Range(0, 24).Select(n => Random(200 + n)).ToList();
            var digests = new List<Digest>();
            foreach (var content in contents)
                digests.Add(await PutAsync(content));
            foreach (var digest in digests)
                await AgeAsync(digest);
            var since = Now;
            var kept = new System.Collections.Concurrent.ConcurrentBag<int>();
            await Task.WhenAll(
                Parallel.ForEachAsync(digests, Token, async (digest, token) => await Tier.RemoveUnusedAsync(digest, since, token)),
                Parallel.ForEachAsync(Enumerable.Range(0, 24), Token, async (n, token) =>
                {
                    if (n % 2 == 0)
                        await Tier.PutAsync(digests[n], new MemoryStream(contents[n]), token);
                    if (n % 2 == 0 || await Tier.FindAsync(digests[n], token) is not null)
                        kept.Add(n);
                }));

            // Another collection of what was unused by then takes none of them either.
            foreach (var n in kept)
            {
                (await Tier.RemoveUnusedAsync(digests[n], since, Token)).ShouldBeFalse();
                (await ReadAsync(digests[n])).ShouldBe(contents[n]);
            }
            kept.Count.ShouldBeGreaterThanOrEqualTo(12);
        }
    }

    private sealed class CountingTier(IContentTier tier) : IContentTier
    {
        private int _opened;

        public TimeSpan UseResolution => tier.UseResolution;

        public IAsyncEnumerable<StoredBlob> ListAsync(byte first, CancellationToken cancellationToken) => tier.ListAsync(first, cancellationToken);

        public Task<bool> RemoveUnusedAsync(Digest digest, DateTimeOffset notUsedSince, CancellationToken cancellationToken) => tier.RemoveUnusedAsync(digest, notUsedSince, cancellationToken);

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
