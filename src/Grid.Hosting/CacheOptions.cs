using Grid.Grains.Steps;

namespace Grid.Hosting;

/// <summary>Settings of the caches of a node.</summary>
public sealed record CacheOptions
{
    /// <summary>The cache of Dockerfile steps.</summary>
    public StepCacheOptions Steps { get; init; } = new();
}
