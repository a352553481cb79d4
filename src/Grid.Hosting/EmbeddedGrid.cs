using System.Runtime.CompilerServices;
using Grid.Buildpacks;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Hosting.Cache;
using Grid.Hosting.Events;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Extend;
using Grid.Lifecycle.Source;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Sandbox;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Grid.Hosting;

/// <summary>A whole grid in this process: one silo with localhost clustering, state in files, one worker.</summary>
public sealed class EmbeddedGrid : IAsyncDisposable
{
    private readonly IHost _host;
    private readonly DataDirectoryLock _lock;

    private EmbeddedGrid(IHost host, DataDirectoryLock directoryLock) => (_host, _lock) = (host, directoryLock);

    private IServiceProvider Services => _host.Services;

    /// <summary>Starts the silo; waits while another process builds with the same data directory.</summary>
    public static async Task<EmbeddedGrid> StartAsync(GridOptions options, CancellationToken cancellationToken)
    {
        PrivateDirectory.Create(options.DataDirectory);
        var directoryLock = await DataDirectoryLock.TakeAsync(options.DataDirectory, cancellationToken);
        try
        {
            var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings { ContentRootPath = AppContext.BaseDirectory });
            builder.AddEmbeddedGrid(options);
            var host = builder.Build();
            await host.StartAsync(cancellationToken);
            return new EmbeddedGrid(host, directoryLock);
        }
        catch
        {
            directoryLock.Dispose();
            throw;
        }
    }

    /// <summary>Submits a build and gives its events to its end. Cancelling asks the build to stop and still gives the rest.</summary>
    /// <param name="buildKey">The build's key.</param>
    /// <param name="request">What to build.</param>
    /// <param name="secrets">For RUN --mount=type=secret, by id; kept in memory until the build has ended.</param>
    /// <param name="cancellationToken">Asks it to stop.</param>
    public async IAsyncEnumerable<BuildEvent> BuildAsync(
        string buildKey, BuildRequest request, IReadOnlyDictionary<string, byte[]> secrets, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var kept = Services.GetRequiredService<BuildSecrets>().Keep(buildKey, secrets);
        var build = Services.GetRequiredService<IGrainFactory>().GetGrain<IBuildGrain>(buildKey);
        if (await build.SubmitAsync(request) is { State: BuildState.Refused, Failure: { } refusal })
            throw new LifecycleException((ExitCode)refusal.ExitCode, refusal.Message);
        await using var registration = cancellationToken.Register(() => build.CancelAsync("interrupted").Ignore());
        await foreach (var buildEvent in Services.GetRequiredService<IBuildEvents>().WatchAsync(buildKey, CancellationToken.None))
            yield return buildEvent;
    }

    /// <summary>The files that a build left, sorted by name; none when there is no such build.</summary>
    public async Task<IReadOnlyList<ArtifactFile>> ReadArtifactsAsync(string buildKey, CancellationToken cancellationToken) =>
        await Services.GetRequiredService<IGrainFactory>().GetGrain<IBuildGrain>(buildKey).GetDetailsAsync() is { } details
            ? await Services.GetRequiredService<IBuildArtifacts>().ReadAllAsync(buildKey, details, cancellationToken) : [];

    /// <summary>What runs this grid's sandboxes, as chosen by now.</summary>
    public string SandboxName => Services.GetRequiredService<ISandboxRuntime>().Name;

    /// <summary>What is to be known about how well they are closed, or null.</summary>
    public string? SandboxWarning => Services.GetRequiredService<ISandboxRuntime>().Warning;

    /// <summary>Packs a build context into the content store, all of it: a node leaves out what its .dockerignore names.</summary>
    public Layer PackContext(string directory, CancellationToken cancellationToken) =>
        SourceArchive.Pack(Services.GetRequiredService<ContentStore>(), directory, (_, _) => true, cancellationToken);

    /// <summary>Packs an app's source into the content store.</summary>
    public Layer PackSource(string directory, CancellationToken cancellationToken) =>
        AppSource.Pack(Services.GetRequiredService<ContentStore>(), directory, cancellationToken);

    /// <summary>Where a builder is: an image's location, a layout directory, or a directory with a builder.toml, from which the builder is made first.</summary>
    public Task<ImageLocation> ResolveBuilderAsync(string builder, CancellationToken cancellationToken) =>
        Services.GetRequiredService<BuilderLocator>().ResolveAsync(builder, cancellationToken);

    /// <summary>What the caches hold.</summary>
    public async Task<CacheUsage> MeasureCachesAsync(CancellationToken cancellationToken)
    {
        var blobs = Services.GetRequiredService<ContentStore>().List().ToList();
        var snapshots = Services.GetRequiredService<ISnapshotCache>().ListUnpacked();
        return new CacheUsage
        {
            Steps = await Services.GetRequiredService<CacheInventory>().ReadAsync(cancellationToken),
            TimeToLive = Services.GetRequiredService<CacheOptions>().Steps.TimeToLive,
            Blobs = blobs.Count,
            BlobBytes = blobs.Sum(b => b.Size),
            Snapshots = snapshots.Count,
            SnapshotBytes = snapshots.Sum(s => s.Bytes),
            Journals = Services.GetRequiredService<FileBuildEvents>().Builds().Count,
        };
    }

    /// <summary>Removes from the caches what is due, and what the limits ask for.</summary>
    public Task<CacheCollection> CollectCachesAsync(CacheLimits limits, CancellationToken cancellationToken) =>
        Services.GetRequiredService<CacheCollector>().CollectAsync(limits, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(CancellationToken.None);
        if (_host is IAsyncDisposable disposable)
            await disposable.DisposeAsync();
        _lock.Dispose();
    }
}
