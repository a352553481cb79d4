using System.Collections.Concurrent;
using System.Text;
using Azure.Storage.Blobs;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Retention;
using Grid.Grains.Retention;
using Grid.Grains.Tests.Cluster;
using Grid.Hosting.Artifacts;
using Grid.Hosting.Cache;
using Grid.Hosting.Content;
using Grid.Hosting.Retention;
using Grid.Hosting.Storage;
using Grid.Hosting.Tests.Servers;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Worker;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;

namespace Grid.Hosting.Tests.Retention;

/// <summary>The real grains, a scripted node, and a real shared tier.</summary>
internal sealed class RetentionBench : IAsyncDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("grid-retention-").FullName;
    private readonly string _container = "grid-retention-" + Guid.NewGuid().ToString("n")[..8];
    private bool _isDirectory;

    /// <summary>What is aged was used longer ago than this, and what was used lately was not.</summary>
    public static RetentionOptions Short => new() { KeepContent = TimeSpan.Zero, Grace = TimeSpan.FromSeconds(2) };

    public TestGrid Grid { get; private set; } = null!;

    public GatedTier Tier { get; private set; } = null!;

    public Journals Removed { get; } = new();

    public FileArtifacts Artifacts => field ??= new FileArtifacts(Path.Combine(_directory, "artifacts"));

    public static CancellationToken Token => TestContext.Current.CancellationToken;

    public IRetentionGrain Retention => Grid.Grains.GetGrain<IRetentionGrain>(IRetentionGrain.Key);

    /// <summary>Starts it over a directory, or over Azurite, whose lack skips the test.</summary>
    public static async Task<RetentionBench> StartAsync(string tier, TestServers servers, RetentionOptions options, short silos = 1)
    {
        var bench = new RetentionBench { _isDirectory = tier == "directory" };
        bench.Tier = new GatedTier(bench._isDirectory ? new DirectoryTier(bench._directory)
            : new AzureTier(new AzureContainer(Connections.AzureBlobs(await servers.AzureAsync()), bench._container), TimeProvider.System, useResolution: TimeSpan.FromSeconds(1)));
        bench.Grid = await TestGrid.StartAsync(silos, services: services => services
            .AddSingleton(options)
            .AddSingleton<IContentTier>(bench.Tier)
            .AddSingleton<IBuildJournals>(bench.Removed)
            .AddSingleton<IBuildArtifacts>(bench.Artifacts)
            .AddSingleton<CacheInventory>()
            .AddSingleton<BuildExpiry>()
            .AddSingleton<TenantExpiry>()
            .AddSingleton<IRetention, GridRetention>()
            // The scripted one stands in its place.
            .Configure<GrainTypeOptions>(types => types.Classes.RemoveWhere(type => type.Assembly == typeof(WorkerAgent).Assembly)));
        await bench.Retention.JoinAsync(BuildRequest.DefaultPool);
        return bench;
    }

    /// <summary>Puts a blob there.</summary>
    public async Task<Digest> PutAsync(string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        await Tier.PutAsync(Digest.Compute(bytes), new MemoryStream(bytes), Token);
        return Digest.Compute(bytes);
    }

    /// <summary>Whether a blob is there, without using it.</summary>
    public async Task<bool> HoldsAsync(Digest digest) =>
        await Tier.ListAsync(Convert.FromHexString(digest.Hex)[0], Token).AnyAsync(b => b.Digest == digest, Token);

    /// <summary>Nobody has used anything for long.</summary>
    public async Task AgeAsync()
    {
        if (_isDirectory)
        {
            foreach (var file in Directory.GetFiles(Path.Combine(_directory, "blobs", "sha256")))
                File.SetLastAccessTimeUtc(file, DateTime.UtcNow - TimeSpan.FromDays(20));
            return;
        }
        // Azurite says itself when a blob was used: only time makes it older. Builds that wait behind this were submitted later.
        await Task.Delay(Short.Grace + TimeSpan.FromSeconds(2.2), Token);
    }

    /// <summary>A whole run.</summary>
    public async Task<RetentionStatus> CollectAsync(RetentionRequest? request = null) => await EndOfAsync(await Retention.CollectAsync(request ?? new RetentionRequest()));

    /// <summary>Waits for the end of a run. A part that meets a silo that is dying is done again.</summary>
    public async Task<RetentionStatus> EndOfAsync(RetentionStatus status)
    {
        for (var begin = TimeProvider.System.GetTimestamp(); status.FinishedAt is null;)
        {
            TimeProvider.System.GetElapsedTime(begin).ShouldBeLessThan(TestGrid.Patience, status.Problem);
            await Task.Delay(20, Token);
            status = await TestGrid.AskAsync(() => Retention.GetStatusAsync());
        }
        return status;
    }

    public async ValueTask DisposeAsync()
    {
        await Grid.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    /// <summary>Journals that somebody removed.</summary>
    internal sealed class Journals : IBuildJournals
    {
        public ConcurrentQueue<string> Keys { get; } = new();

        public DateTimeOffset? OldestUnfinished => null;

        public IReadOnlyList<string> RemoveFinished(DateTimeOffset notWrittenSince) => [];

        public Task RemoveAsync(string buildKey, CancellationToken cancellationToken)
        {
            Keys.Enqueue(buildKey);
            return Task.CompletedTask;
        }
    }
}

/// <summary>A tier that does something before it lists a part.</summary>
internal sealed class GatedTier(IContentTier tier) : IContentTier
{
    public Func<byte, Task> BeforeList { get; set; } = _ => Task.CompletedTask;

    public TimeSpan UseResolution => tier.UseResolution;

    public Task<long?> FindAsync(Digest digest, CancellationToken cancellationToken) => tier.FindAsync(digest, cancellationToken);

    public Task<Stream> OpenAsync(Digest digest, CancellationToken cancellationToken) => tier.OpenAsync(digest, cancellationToken);

    public Task PutAsync(Digest digest, Stream content, CancellationToken cancellationToken) => tier.PutAsync(digest, content, cancellationToken);

    public async IAsyncEnumerable<StoredBlob> ListAsync(byte first, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await BeforeList(first);
        await foreach (var blob in tier.ListAsync(first, cancellationToken))
            yield return blob;
    }

    public Task<bool> RemoveUnusedAsync(Digest digest, DateTimeOffset notUsedSince, CancellationToken cancellationToken) => tier.RemoveUnusedAsync(digest, notUsedSince, cancellationToken);
}
