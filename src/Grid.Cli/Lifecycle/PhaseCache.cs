using Grid.Lifecycle;
using Grid.Lifecycle.Cache;

namespace Grid.Cli.Lifecycle;

/// <summary>The cache a phase was called with: <c>-cache-image</c> before <c>-cache-dir</c>.</summary>
internal static class PhaseCache
{
    /// <summary>The cache; null when none was named. A cache image is always in a registry.</summary>
    public static ILayerCache? Of(PhaseInputs inputs, PhaseImages images)
    {
        if (inputs.Get(PhaseFlags.CacheImage) is { Length: > 0 } name)
            return new ImageCache(images.Stores, images.LocateInRegistry(name), HostPlatform.Current);
        return inputs.Get(PhaseFlags.CacheDirectory) is { Length: > 0 } directory ? new DirectoryCache(directory) : null;
    }
}
