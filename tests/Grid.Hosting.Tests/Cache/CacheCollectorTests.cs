using Grid.Contracts.Events;
using Grid.Contracts.Steps;
using Grid.Contracts.Tenants;
using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Keys;
using Grid.Grains;
using Grid.Grains.Steps;
using Grid.Grains.Tests.Cluster;
using Grid.Hosting.Cache;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Sandbox;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Hosting;
using Orleans.Serialization;
using Orleans.TestingHost;

namespace Grid.Hosting.Tests.Cache;

/// <summary>The real grains, a real content store, and unpacked layers and journals of which the test says what they are.</summary>
public sealed class CacheCollectorTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = TimeProvider.System.GetUtcNow();
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-collect-").FullName;
    private readonly Unpacked _unpacked = new();
    private readonly Journals _journals = new();
    private ContentStore _content = null!;
    private InProcessTestCluster _cluster = null!;

    public async ValueTask InitializeAsync()
    {
        _content = new ContentStore(_directory);
        var builder = new InProcessTestClusterBuilder(1);
        builder.ConfigureSilo((_, silo) => silo.WithRealGrains().AddMemoryGrainStorage(GridStorage.Name).Services
            .AddSingleton(TimeProvider.System).AddSingleton(new StepCacheOptions()).AddSerializer(TestGrid.Json));
        builder.ConfigureClient(client => client.Services.AddSerializer(TestGrid.Json));
        _cluster = builder.Build();
        await _cluster.DeployAsync(TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    private async Task<CacheCollection> CollectAsync(CacheLimits? limits = null, CacheOptions? options = null)
    {
        using var collector = new CacheCollector(new CacheInventory(_cluster.Client), _content, _journals, options ?? new CacheOptions(), TimeProvider.System, _unpacked);
        return await collector.CollectAsync(limits ?? new CacheLimits(), TestContext.Current.CancellationToken);
    }

    /// <summary>A blob that was last used so long ago.</summary>
    private Descriptor Blob(string text, TimeSpan unused)
    {
        var blob = _content.Put(System.Text.Encoding.UTF8.GetBytes(text), MediaTypes.OciLayerGzip);
        File.SetLastAccessTimeUtc(_content.PathOf(blob.Digest), (Now - unused).UtcDateTime);
        return blob;
    }

    private IStepGrain Step(string name, string scope = "tenant") => _cluster.Client.GetGrain<IStepGrain>($"{scope}/{Key(name).Digest.Hex}");

    /// <summary>A cached step that ran so long ago, with a layer of so many bytes.</summary>
    private async Task<Descriptor> StepAsync(string name, TimeSpan age, int size = 100, string scope = "tenant")
    {
        var blob = Blob(name.PadRight(size), age);
        await _cluster.Client.GetGrain<IStepCatalogGrain>(new StepCatalogName(scope, ImageKind.Run, "samples/tools").ToString()).RecordAsync(new StepCatalogEntry
        {
            Key = Key(name).Digest, File = "run.Dockerfile", Line = 3, Text = "RUN " + name, BuildKey = "tenant/b", CreatedAt = Now - age,
        });
        await Step(name, scope).ClaimAsync(new StepClaimRequest("h", "c"));
        await Step(name, scope).CompleteAsync("h", new CachedStep { Key = Key(name), BuildKey = "tenant/b", CreatedAt = Now - age, Layer = new Layer(blob, Digest.Compute("tar"u8)) });
        return blob;
    }

    private static StepKey Key(string name) => new(Digest.Compute(System.Text.Encoding.UTF8.GetBytes("key " + name)), []);

    private async Task<bool> IsCachedAsync(string name, string scope = "tenant") => (await Step(name, scope).DescribeAsync()).Finished is not null;

    [Fact]
    public async Task Collect_BlobsNobodyUsedForLong_GoAndOthersStay()
    {
        var (old, fresh) = (Blob("old", TimeSpan.FromDays(20)), Blob("fresh", TimeSpan.FromDays(2)));

        var done = await CollectAsync();

        (done.Blobs, done.BlobBytes, done.BytesLeft).ShouldBe((1, 3, 5));
        _content.Contains(old.Digest).ShouldBeFalse();
        _content.Contains(fresh.Digest).ShouldBeTrue();
    }

    [Fact]
    [Decision(21)]
    public async Task Collect_ALiveStepsBlob_StaysHoweverLongNobodyReadIt()
    {
        var live = await StepAsync("live", TimeSpan.FromDays(10));
        File.SetLastAccessTimeUtc(_content.PathOf(live.Digest), (Now - TimeSpan.FromDays(400)).UtcDateTime);
        var expired = await StepAsync("expired", TimeSpan.FromDays(15));

        var done = await CollectAsync();

        (done.Steps, done.Blobs).ShouldBe((1, 1));
        _content.Contains(live.Digest).ShouldBeTrue();
        _content.Contains(expired.Digest).ShouldBeFalse();
        (await IsCachedAsync("live")).ShouldBeTrue();
        (await IsCachedAsync("expired")).ShouldBeFalse();
        (await new CacheInventory(_cluster.Client).ReadAsync(TestContext.Current.CancellationToken)).Select(s => s.Entry.Text).ShouldBe(["RUN live"]);
    }

    [Fact]
    public async Task Collect_WhatAnUnfinishedBuildMayNeed_StaysWhateverIsAsked()
    {
        // The build was accepted three days ago and waits. Its source was packed shortly before; a step it had from the cache has expired meanwhile.
        _journals.OldestUnfinished = Now - TimeSpan.FromDays(3);
        var source = Blob("source", TimeSpan.FromDays(3) + TimeSpan.FromMinutes(30));
        var layer = Blob("layer of an app", TimeSpan.FromDays(2));
        var used = await StepAsync("used", TimeSpan.FromDays(15));
        await Step("used").ClaimAsync(new StepClaimRequest("x", "y"));
        File.SetLastAccessTimeUtc(_content.PathOf(used.Digest), (Now - TimeSpan.FromDays(1)).UtcDateTime);
        var before = Blob("before", TimeSpan.FromDays(4));

        var done = await CollectAsync(new CacheLimits { All = true, WithoutGrace = true, MaxBytes = 1 });

        _content.Contains(source.Digest).ShouldBeTrue();
        _content.Contains(layer.Digest).ShouldBeTrue();
        _content.Contains(used.Digest).ShouldBeTrue();
        _content.Contains(before.Digest).ShouldBeFalse();
        done.BytesOver.ShouldBe(done.BytesLeft - 1);
    }

    [Fact]
    public async Task Collect_AllWithoutBuilds_LeavesNothing()
    {
        await StepAsync("one", TimeSpan.Zero);
        Blob("just now", TimeSpan.Zero);
        _unpacked.Layers.Add(new UnpackedLayer("a", 10, Now));
        _journals.Finished = 4;

        var done = await CollectAsync(new CacheLimits { All = true, WithoutGrace = true });

        (done.Steps, done.Blobs, done.Snapshots, done.Journals, done.BytesLeft, done.BytesOver).ShouldBe((1, 2, 1, 4, 0L, 0L));
    }

    [Fact]
    [Decision(21)]
    public async Task Collect_OverTheBound_TakesTheLeastRecentlyUsedAndStepsLast()
    {
        var step = await StepAsync("step", TimeSpan.FromDays(9), size: 50);
        var (older, newer) = (Blob("older".PadRight(50), TimeSpan.FromDays(8)), Blob("newer".PadRight(50), TimeSpan.FromDays(6)));
        _unpacked.Layers.Add(new UnpackedLayer("a", 50, Now - TimeSpan.FromDays(7)));
        _unpacked.Layers.Add(new UnpackedLayer("mounted", 50, Now - TimeSpan.FromDays(10)));
        _unpacked.InUse = "mounted";

        var done = await CollectAsync(new CacheLimits { MaxBytes = 150 });

        _content.Contains(older.Digest).ShouldBeFalse();
        _unpacked.Layers.Select(l => l.Name).ShouldBe(["mounted"]);
        _content.Contains(newer.Digest).ShouldBeTrue();
        _content.Contains(step.Digest).ShouldBeTrue();
        done.BytesLeft.ShouldBe(150);

        (await CollectAsync(new CacheLimits { MaxBytes = 60 })).BytesLeft.ShouldBe(50);
        _content.Contains(step.Digest).ShouldBeFalse();
        (await IsCachedAsync("step")).ShouldBeFalse();
    }

    [Fact]
    public async Task Collect_ATenantOverItsQuota_LosesItsOwnOldestSteps()
    {
        await StepAsync("a", TimeSpan.FromDays(3), size: 100);
        await StepAsync("b", TimeSpan.FromDays(2), size: 100);
        await StepAsync("c", TimeSpan.FromDays(5), size: 100, scope: "other");

        await CollectAsync(options: new CacheOptions { MaxBytesPerTenant = 150 });

        (await IsCachedAsync("a")).ShouldBeFalse();
        (await IsCachedAsync("b")).ShouldBeTrue();
        (await IsCachedAsync("c", "other")).ShouldBeTrue();
    }

    [Fact]
    public async Task Collect_ATenantWithABoundOfItsOwn_KeepsToTheSmallerOne()
    {
        await StepAsync("a", TimeSpan.FromDays(3), size: 100, scope: "bounded");
        await StepAsync("b", TimeSpan.FromDays(2), size: 100, scope: "bounded");
        await StepAsync("c", TimeSpan.FromDays(5), size: 100, scope: "free");
        await StepAsync("d", TimeSpan.FromDays(5), size: 100, scope: "free");
        await _cluster.Client.GetGrain<ITenantGrain>("bounded").SetAsync(new TenantSettings { MaxCacheBytes = 150 });

        await CollectAsync(options: new CacheOptions { MaxBytesPerTenant = 250 });

        (await IsCachedAsync("a", "bounded")).ShouldBeFalse();
        (await IsCachedAsync("b", "bounded")).ShouldBeTrue();
        (await IsCachedAsync("c", "free")).ShouldBeTrue();
    }

    [Fact]
    public async Task Collect_AStepThatRunsNow_KeepsItsLease()
    {
        await StepAsync("runs", TimeSpan.FromDays(20));
        (await Step("runs").ClaimAsync(new StepClaimRequest("again", "b"))).Kind.ShouldBe(StepClaimKind.Run);

        await CollectAsync(new CacheLimits { All = true, WithoutGrace = true });

        (await Step("runs").RenewAsync("again")).ShouldBeTrue();
    }

    [Fact]
    public async Task Collect_OlderThan_GoesByLastUse()
    {
        await StepAsync("used", TimeSpan.FromDays(5));
        await Step("used").ClaimAsync(new StepClaimRequest("x", "y"));
        await StepAsync("unused", TimeSpan.FromDays(5));

        await CollectAsync(new CacheLimits { OlderThan = TimeSpan.FromDays(1) });

        (await IsCachedAsync("used")).ShouldBeTrue();
        (await IsCachedAsync("unused")).ShouldBeFalse();
    }

    private sealed class Unpacked : ISnapshotCache
    {
        public List<UnpackedLayer> Layers { get; } = [];

        public string? InUse { get; set; }

        public IReadOnlyList<UnpackedLayer> ListUnpacked() => [.. Layers];

        public bool TryRemoveUnpacked(string name) => name != InUse && Layers.RemoveAll(l => l.Name == name) > 0;
    }

    private sealed class Journals : IBuildJournals
    {
        public DateTimeOffset? OldestUnfinished { get; set; }

        public int Finished { get; set; }

        public IReadOnlyList<string> RemoveFinished(DateTimeOffset notWrittenSince) => [.. Enumerable.Range(0, Finished).Select(n => $"tenant/{n}")];

        public Task RemoveAsync(string buildKey, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
