using Grid.Grains.Steps;

namespace Grid.Hosting.Cache;

/// <summary>How long a node keeps what only saves time, and how much of it.</summary>
public sealed record CacheOptions
{
    /// <summary>The cache of Dockerfile steps.</summary>
    public StepCacheOptions Steps { get; init; } = new();

    /// <summary>Blobs that no cached step needs, and unpacked layers, go when nobody used them for this long: layers of apps, sources, base images. Default 14 days.</summary>
    public TimeSpan KeepUnused { get; init; } = TimeSpan.FromDays(14);

    /// <summary>Journals of finished builds go after this time. Default 30 days.</summary>
    public TimeSpan KeepJournals { get; init; } = TimeSpan.FromDays(30);

    /// <summary>Bytes of blobs and unpacked layers on this node that a collection leaves, least recently used first to go; 0 for no bound.</summary>
    public long MaxBytes { get; init; }

    /// <summary>Bytes of step layers a tenant keeps (and the shared scope); 0 for no bound.</summary>
    public long MaxBytesPerTenant { get; init; }

    /// <summary>Bytes of blobs at which the content store takes no more; 0 for no bound. Above <see cref="MaxBytes"/>: what running builds need cannot be collected.</summary>
    public long HardMaxBytes { get; init; }

    /// <summary>How often a node collects. Default one hour.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>What was used so short a time ago, or so short before the oldest unfinished build, is never collected: a source is packed before its build is submitted.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The same with a bound for collections, and half as much above it for what running builds need.</summary>
    public CacheOptions WithMaxBytes(long bytes) => this with { MaxBytes = bytes, HardMaxBytes = bytes > long.MaxValue / 2 ? 0 : bytes + (bytes / 2) };
}

/// <summary>What a collection removes beyond what is due.</summary>
public sealed record CacheLimits
{
    /// <summary>What nobody used for this long; null for the node's settings.</summary>
    public TimeSpan? OlderThan { get; init; }

    /// <summary>Bytes to leave; null for the node's settings.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>Everything that no unfinished build needs.</summary>
    public bool All { get; init; }

    /// <summary>Whether nobody but us is there, so that what was used just now may go too unless an unfinished build needs it.</summary>
    public bool WithoutGrace { get; init; }
}

/// <summary>What a collection removed and what is left.</summary>
public sealed record CacheCollection
{
    public int Steps { get; init; }

    public int Blobs { get; init; }

    public long BlobBytes { get; init; }

    public int Snapshots { get; init; }

    public long SnapshotBytes { get; init; }

    public int Journals { get; init; }

    /// <summary>Bytes of blobs and unpacked layers that are left.</summary>
    public long BytesLeft { get; init; }

    /// <summary>Bytes the limit is exceeded by, because unfinished builds need what is left; 0 when it is met.</summary>
    public long BytesOver { get; init; }
}
