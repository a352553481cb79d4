using Grid.Contracts.Events;
using Grid.Contracts.Steps;
using Grid.Contracts.Work;

namespace Grid.Contracts.Builds;

/// <summary>What became of a Dockerfile step of a build, so far. Steps that were not reached have none.</summary>
[GenerateSerializer, Immutable, Alias("grid.StepStatus")]
public sealed record StepStatus
{
    /// <summary>Which instruction of which Dockerfile.</summary>
    [Id(0)] public required StepName Step { get; init; }

    /// <summary>Waiting for another build that runs it, running, or how it ended.</summary>
    [Id(1)] public required PhaseState State { get; init; }

    /// <summary>When it began to run or to wait; null for a step that was there.</summary>
    [Id(2)] public DateTimeOffset? StartedAt { get; init; }

    /// <summary>When its result was there, or it failed.</summary>
    [Id(3)] public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Where its result came from; null while it has none.</summary>
    [Id(4)] public StepSource? Source { get; init; }

    /// <summary>Why it ran; null when it did not.</summary>
    [Id(5)] public StepMiss? Miss { get; init; }

    /// <summary>Diff ID of the layer, when it made one.</summary>
    [Id(6)] public string? DiffId { get; init; }

    /// <summary>Compressed bytes of the layer.</summary>
    [Id(7)] public long Size { get; init; }
}
