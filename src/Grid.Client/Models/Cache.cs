using Grid.Dockerfiles;

namespace Grid.Client.Models;

/// <summary>A cached Dockerfile step of a tenant.</summary>
public sealed record CachedStepResource
{
    /// <summary>Digest of all that the step depends on.</summary>
    public required string Key { get; init; }

    public required ImageKind Kind { get; init; }

    /// <summary>Id of the extension.</summary>
    public required string Extension { get; init; }

    public required string File { get; init; }

    /// <summary>1-based line of the instruction.</summary>
    public required int Line { get; init; }

    /// <summary>The instruction on one line, cut when it is long.</summary>
    public required string Text { get; init; }

    /// <summary>Build that ran it.</summary>
    public required string Build { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>To the hour.</summary>
    public DateTimeOffset LastUsedAt { get; init; }

    /// <summary>How often builds had it from the cache.</summary>
    public long Uses { get; init; }

    /// <summary>Whether a build runs it now.</summary>
    public bool Running { get; init; }

    /// <summary>Diff ID of the layer, when it made one.</summary>
    public string? DiffId { get; init; }

    /// <summary>Compressed bytes of the layer.</summary>
    public long Size { get; init; }
}

/// <summary>Which cached steps of a tenant to forget.</summary>
public sealed record CachePruneRequest
{
    /// <summary>Those that no build used for this long; 0 for all that no build runs.</summary>
    public double OlderThanSeconds { get; init; }
}

/// <summary>What was forgotten. The layers go with the next run of the grid's retention, and of each node's collection.</summary>
/// <param name="Steps">How many steps.</param>
/// <param name="Bytes">Compressed bytes of their layers.</param>
public sealed record CachePruneResource(int Steps, long Bytes);
