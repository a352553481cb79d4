using Grid.Grains.Retention;
using Grid.Grains.Steps;
using Grid.Hosting.Retention;
using Grid.Sandbox;
using Microsoft.Extensions.DependencyInjection;

namespace Grid.Hosting.Cache;

/// <summary>Registers what the caches of a node need.</summary>
internal static class CacheHosting
{
    /// <param name="services">Where it is registered.</param>
    /// <param name="options">The node's settings.</param>
    /// <param name="isWholeGrid">Whether this process is all there is: then nobody of an earlier start can be at work.</param>
    internal static void AddGridCache(this IServiceCollection services, GridOptions options, bool isWholeGrid) => services
        .AddSingleton(options.Cache)
        .AddSingleton(options.Cache.Steps with { Epoch = isWholeGrid ? Guid.NewGuid().ToString("n") : "" })
        .AddSingleton(p => p.GetService<ISandboxRuntime>() as ISnapshotCache ?? new NoSnapshots())
        .AddSingleton<CacheInventory>()
        .AddSingleton(options.Retention)
        .AddSingleton<BuildExpiry>()
        .AddSingleton<TenantExpiry>()
        .AddSingleton<IRetention, GridRetention>()
        .AddSingleton<CacheCollector>()
        .AddHostedService<CollectorService>();
}

/// <summary>A node whose engine keeps its own layers, or that runs no sandboxes.</summary>
internal sealed class NoSnapshots : ISnapshotCache
{
    public IReadOnlyList<UnpackedLayer> ListUnpacked() => [];

    public bool TryRemoveUnpacked(string name) => false;
}
