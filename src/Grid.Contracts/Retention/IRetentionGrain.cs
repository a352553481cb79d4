using Orleans.Concurrency;

namespace Grid.Contracts.Retention;

/// <summary>
/// Removes what a whole grid keeps and needs no more: finished builds with their journals, and content of the shared tier. One activation for all nodes,
/// keyed <see cref="Key"/>, woken by a reminder; a run that its silo does not survive goes on where it was.
/// </summary>
[Alias("grid.IRetentionGrain")]
public interface IRetentionGrain : IGrainWithStringKey
{
    /// <summary>The grain's only key.</summary>
    const string Key = "grid";

    /// <summary>A node says which pool it belongs to; from then on runs take place, and look at the pool's builds.</summary>
    [Alias("Join")]
    Task JoinAsync(string pool);

    /// <summary>Starts a run unless there is one; the answer does not wait for its end.</summary>
    [Alias("Collect")]
    Task<RetentionStatus> CollectAsync(RetentionRequest request);

    /// <summary>The run that goes on, or the last one.</summary>
    [Alias("GetStatus"), AlwaysInterleave, ReadOnly]
    Task<RetentionStatus> GetStatusAsync();

    /// <summary>When the oldest unfinished build of all pools was submitted; null when there is none. What was used since then is not collected by anybody.</summary>
    [Alias("OldestUnfinished"), AlwaysInterleave, ReadOnly]
    Task<DateTimeOffset?> OldestUnfinishedAsync();
}

/// <summary>What a run removes beyond what is due.</summary>
[GenerateSerializer, Immutable, Alias("grid.RetentionRequest")]
public sealed record RetentionRequest
{
    /// <summary>Content that nobody used for this long; null for the settings.</summary>
    [Id(0)] public TimeSpan? OlderThan { get; init; }

    /// <summary>Bytes of content to leave; null for the settings.</summary>
    [Id(1)] public long? MaxBytes { get; init; }
}

/// <summary>A run.</summary>
[GenerateSerializer, Immutable, Alias("grid.RetentionStatus")]
public sealed record RetentionStatus
{
    /// <summary>Number of the run, from 1; 0 before the first.</summary>
    [Id(0)] public int Run { get; init; }

    [Id(1)] public DateTimeOffset? StartedAt { get; init; }

    /// <summary>Null while it goes on.</summary>
    [Id(2)] public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Parts that are done, of <see cref="Parts"/>.</summary>
    [Id(3)] public int Done { get; init; }

    [Id(4)] public int Parts { get; init; }

    /// <summary>What was removed and what is left.</summary>
    [Id(5)] public RetentionTally Tally { get; init; } = new();

    /// <summary>Why the run does not get on; it tries again.</summary>
    [Id(6)] public string? Problem { get; init; }
}

/// <summary>What was removed and what is left.</summary>
[GenerateSerializer, Immutable, Alias("grid.RetentionTally")]
public sealed record RetentionTally
{
    /// <summary>Finished builds that were forgotten, each with its journal.</summary>
    [Id(0)] public int Builds { get; init; }

    /// <summary>Blobs that were removed from the shared tier.</summary>
    [Id(1)] public long Blobs { get; init; }

    [Id(2)] public long BlobBytes { get; init; }

    [Id(3)] public long BlobsLeft { get; init; }

    [Id(4)] public long BytesLeft { get; init; }

    public static RetentionTally operator +(RetentionTally a, RetentionTally b) => new()
    {
        Builds = a.Builds + b.Builds, Blobs = a.Blobs + b.Blobs, BlobBytes = a.BlobBytes + b.BlobBytes, BlobsLeft = a.BlobsLeft + b.BlobsLeft, BytesLeft = a.BytesLeft + b.BytesLeft,
    };

    /// <summary>The sum, for languages without operators.</summary>
    public static RetentionTally Add(RetentionTally left, RetentionTally right) => left + right;
}
