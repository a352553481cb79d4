using System.Runtime.CompilerServices;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;
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
    public async IAsyncEnumerable<BuildEvent> BuildAsync(string buildKey, BuildRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var build = Services.GetRequiredService<IGrainFactory>().GetGrain<IBuildGrain>(buildKey);
        await build.SubmitAsync(request);
        await using var registration = cancellationToken.Register(() => build.CancelAsync("interrupted").Ignore());
        await foreach (var buildEvent in Services.GetRequiredService<IBuildEvents>().WatchAsync(buildKey, CancellationToken.None))
            yield return buildEvent;
    }

    /// <summary>Packs an app's source into the content store.</summary>
    public Layer PackSource(string directory, CancellationToken cancellationToken) =>
        SourceArchive.Pack(Services.GetRequiredService<ContentStore>(), directory, (_, _) => true, cancellationToken);

    /// <summary>Where a builder is: an image's location, a layout directory, or a directory with a builder.toml, from which the builder is made first.</summary>
    public Task<ImageLocation> ResolveBuilderAsync(string builder, CancellationToken cancellationToken) =>
        Services.GetRequiredService<BuilderLocator>().ResolveAsync(builder, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await _host.StopAsync(CancellationToken.None);
        if (_host is IAsyncDisposable disposable)
            await disposable.DisposeAsync();
        _lock.Dispose();
    }
}
