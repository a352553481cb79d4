using System.Text.Json.Serialization;

namespace Grid.Contracts.Builds;

/// <summary>The phases of a build, in the order of platform.md.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<Phase>))]
public enum Phase
{
    /// <summary>Pin builder, run image and previous image; check access.</summary>
    Analyze = 0,
    /// <summary>Detect and generate.</summary>
    Detect = 1,
    Restore = 2,
    ExtendBuild = 3,
    ExtendRun = 4,
    Build = 5,
    Export = 6,
}

/// <summary>Where a phase stands. Done, Failed, Cancelled and Skipped absorb.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PhaseState>))]
public enum PhaseState
{
    Waiting = 0,
    Running = 1,
    Done = 2,
    Failed = 3,
    Cancelled = 4,
    /// <summary>The build does not have it.</summary>
    Skipped = 5,
}

/// <summary>Where a build stands. Succeeded, Failed and Cancelled absorb; a refused build was never accepted.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<BuildState>))]
public enum BuildState
{
    Unknown = 0,
    Running = 1,
    Succeeded = 2,
    Failed = 3,
    Cancelled = 4,
    /// <summary>Accepted; it waits for a node.</summary>
    Queued = 5,
    /// <summary>Not accepted: the queue is full. Nothing is remembered of it.</summary>
    Refused = 6,
}

/// <summary>Why a build or a piece of work failed, in words for the person who has to act.</summary>
/// <param name="ExitCode">The specification's exit code for the phase (platform.md).</param>
/// <param name="Message">What, where (file, line, module id) and what to do.</param>
[GenerateSerializer, Immutable, Alias("grid.Failure")]
public sealed record Failure([property: Id(0)] int ExitCode, [property: Id(1)] string Message)
{
    /// <summary>The phase that failed.</summary>
    [Id(2)] public Phase? Phase { get; init; }

    /// <summary>The last output of the command that failed, when one did.</summary>
    [Id(3)] public string? Output { get; init; }

    /// <summary>Stable word for programs, where there is one: a code of the API's errors.</summary>
    [Id(60)] public string? Code { get; init; }
}

/// <summary>What others are told of a build.</summary>
[GenerateSerializer, Immutable, Alias("grid.BuildStatus")]
public sealed record BuildStatus
{
    [Id(0)] public required string BuildKey { get; init; }

    [Id(1)] public required BuildState State { get; init; }

    [Id(2)] public Failure? Failure { get; init; }

    [Id(3)] public PublishedImage? Image { get; init; }

    /// <summary>State of each phase, indexed by <see cref="Phase"/>.</summary>
    [Id(4)] public PhaseState[] Phases { get; init; } = [];

    /// <summary>When it reached its end.</summary>
    [Id(20)] public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>The value of <c>build_id</c> in its Dockerfiles; empty when there is no such build.</summary>
    [Id(30)] public string BuildId { get; init; } = "";

    /// <summary>When to submit a refused build again; null when nothing is known.</summary>
    [Id(31)] public TimeSpan? RetryAfter { get; init; }
}

/// <summary>The image a build published.</summary>
/// <param name="Digest">Digest of the manifest.</param>
/// <param name="Locations">Where it was written, pinned by digest.</param>
[GenerateSerializer, Immutable, Alias("grid.PublishedImage")]
public sealed record PublishedImage([property: Id(0)] string Digest, [property: Id(1)] string[] Locations);
