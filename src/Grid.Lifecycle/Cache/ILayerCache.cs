using Grid.Lifecycle.Restore;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Cache;

/// <summary>
/// Where a platform that calls phases one by one keeps cached layers between builds (platform.md §restorer, §exporter): <see cref="DirectoryCache"/> or
/// <see cref="ImageCache"/>. A grid keeps <see cref="CacheMetadata"/> itself and needs neither.
/// </summary>
public interface ILayerCache
{
    /// <summary>
    /// What the last build left; an empty one when there is nothing that can be read, with a warning when something was there. Contents are not looked at
    /// yet: who reads a blob checks its diff ID.
    /// </summary>
    Task<CacheContents> ReadAsync(IPhaseLog log, CancellationToken cancellationToken);

    /// <summary>Replaces what the cache holds, as a whole or not at all.</summary>
    /// <param name="metadata">The new contents.</param>
    /// <param name="blobs">Has the blobs of all its layers.</param>
    /// <param name="cancellationToken">Stops writing; the cache stays as it was.</param>
    /// <exception cref="IOException">The cache cannot be written.</exception>
    Task WriteAsync(CacheMetadata metadata, IBlobSource blobs, CancellationToken cancellationToken);
}

/// <summary>What a cache holds.</summary>
/// <param name="Metadata">The layers, by digest.</param>
/// <param name="Blobs">Their bytes, unverified.</param>
public sealed record CacheContents(CacheMetadata Metadata, IBlobSource Blobs)
{
    /// <summary>Nothing.</summary>
    public static readonly CacheContents Empty = new(new CacheMetadata(), new MemoryBlobs());
}
