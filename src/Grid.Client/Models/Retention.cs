namespace Grid.Client.Models;

/// <summary>Asks for a run of the grid's retention beyond what is due: <c>POST /v1/retention</c>.</summary>
public sealed record RetentionRunRequest
{
    /// <summary>Also shared content that nobody used for so many seconds; the setting when it is left out.</summary>
    public double? OlderThanSeconds { get; init; }

    /// <summary>Bytes of shared content to leave; the setting when it is left out.</summary>
    public long? MaxBytes { get; init; }
}

/// <summary>A run of the grid's retention: the one that goes on, or the last one.</summary>
public sealed record RetentionResource
{
    /// <summary>Its number; 0 before the first.</summary>
    public required int Run { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>Left out while it goes on.</summary>
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Parts that are done, of <see cref="Parts"/>.</summary>
    public required int Done { get; init; }

    public required int Parts { get; init; }

    /// <summary>Finished builds that were forgotten, each with its journal.</summary>
    public required int Builds { get; init; }

    /// <summary>Blobs removed from the shared tier.</summary>
    public required long Blobs { get; init; }

    public required long BlobBytes { get; init; }

    /// <summary>Bytes that are left in the shared tier, as far as it was gone through.</summary>
    public required long BytesLeft { get; init; }

    /// <summary>Why it does not get on; it tries again.</summary>
    public string? Problem { get; init; }
}
