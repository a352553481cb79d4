using Grid.Grains.Steps;
using Microsoft.Extensions.DependencyInjection;

namespace Grid.Hosting;

/// <summary>Registers what the caches of a node need.</summary>
internal static class CacheHosting
{
    internal static void AddGridCache(this IServiceCollection services, GridOptions options) => services
        .AddSingleton(options.Cache.Steps with { Epoch = Guid.NewGuid().ToString("n") });
}
