namespace Grid.Hosting.Cache;

/// <summary>What the caches of a grid of one node hold.</summary>
public sealed record CacheUsage
{
    public required IReadOnlyList<CachedStepInfo> Steps { get; init; }

    /// <summary>How long a step's result is used.</summary>
    public required TimeSpan TimeToLive { get; init; }

    /// <summary>Compressed bytes of the steps' layers, each counted once.</summary>
    public long StepBytes => Steps.DistinctBy(s => s.Blob).Sum(s => s.Size);

    /// <summary>Blobs in the content store, the steps' layers among them.</summary>
    public required int Blobs { get; init; }

    public required long BlobBytes { get; init; }

    /// <summary>Unpacked layers.</summary>
    public required int Snapshots { get; init; }

    public required long SnapshotBytes { get; init; }

    public required int Journals { get; init; }
}
