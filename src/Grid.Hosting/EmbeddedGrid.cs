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

    /// <summary>Extends an image and gives the events to its end, as <see cref="BuildAsync"/> does for a build.</summary>
    public async IAsyncEnumerable<BuildEvent> ExtendAsync(
        string key, ImageExtensionRequest request, IReadOnlyDictionary<string, byte[]> secrets, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var kept = Services.GetRequiredService<BuildSecrets>().Keep(key, secrets);
        var extension = Services.GetRequiredService<IGrainFactory>().GetGrain<IImageExtensionGrain>(key);
        await extension.StartAsync(request);
        await using var registration = cancellationToken.Register(() => extension.CancelAsync("interrupted").Ignore());
        await foreach (var buildEvent in Services.GetRequiredService<IBuildEvents>().WatchAsync(key, CancellationToken.None))
            yield return buildEvent;
    }

    /// <summary>The value of <c>build_id</c> for an image that is extended by itself now.</summary>
    /// <exception cref="LifecycleException">The build to be replayed is not known.</exception>
    public async Task<string> ResolveBuildIdAsync(string tenant, BuildIdPolicy policy)
    {
        string? replayed = null;
        if (policy.Kind == BuildIdKind.Replay)
        {
            var key = policy.Value.StartsWith(tenant + "/", StringComparison.Ordinal) ? policy.Value : $"{tenant}/{policy.Value}";
            replayed = (await Services.GetRequiredService<IGrainFactory>().GetGrain<IBuildGrain>(key).GetStatusAsync()).BuildId;
            if (replayed.Length == 0)
                throw new LifecycleException(ExitCode.InvalidArgs, $"build_id {policy}: the grid knows no such build; name another, or use pinned=UUID");
        }
        return policy.Resolve(tenant, Services.GetRequiredService<TimeProvider>().GetUtcNow(), Guid.NewGuid(), replayed);
    }

    /// <summary>An image as it is now, pinned.</summary>
    /// <exception cref="LifecycleException">There is no such image.</exception>
    public async Task<PinnedImage> PinAsync(ImageLocation location, CancellationToken cancellationToken) =>
        await Services.GetRequiredService<ImageStores>().FindAsync(location, HostPlatform.Current, cancellationToken) is { } image
            ? PinnedImage.From(image, location)
            : throw new LifecycleException(ExitCode.ExtendError, $"there is no image {location}; check the name, or pull it first");

    /// <summary>Packs a build context, without what its .dockerignore leaves out; an empty one for null.</summary>
    public BuildContext PackContext(string? directory, CancellationToken cancellationToken)
    {
        var content = Services.GetRequiredService<ContentStore>();
        return ContextStore.Index(content, SourceArchive.Pack(content, directory ?? AppContext.BaseDirectory, (_, _) => directory is not null, cancellationToken), cancellationToken);
    }

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
