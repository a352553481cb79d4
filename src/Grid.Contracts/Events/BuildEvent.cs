using System.Text.Json.Serialization;
using Grid.Contracts.Builds;
using Grid.Contracts.Steps;
using Grid.Contracts.Work;

namespace Grid.Contracts.Events;

/// <summary>Something that happened in a build, for people who watch: terminals, <c>--json</c>, the dashboard. Written once, in order, never changed.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "event")]
[JsonDerivedType(typeof(BuildStarted), "build-started")]
[JsonDerivedType(typeof(BuildQueued), "build-queued")]
[JsonDerivedType(typeof(BuildMoved), "build-moved")]
[JsonDerivedType(typeof(PhaseStarted), "phase-started")]
[JsonDerivedType(typeof(PhaseFinished), "phase-finished")]
[JsonDerivedType(typeof(StepStarted), "step-started")]
[JsonDerivedType(typeof(StepFinished), "step-finished")]
[JsonDerivedType(typeof(OutputWritten), "output")]
[JsonDerivedType(typeof(BuildFinished), "build-finished")]
public abstract record BuildEvent
{
    public required DateTimeOffset At { get; init; }
}

/// <summary>The build was accepted.</summary>
public sealed record BuildStarted(string BuildKey, string Image) : BuildEvent;

/// <summary>The build has to wait.</summary>
/// <param name="Position">1 for the next to go.</param>
/// <param name="Reason">Why it does not run now.</param>
public sealed record BuildQueued(int Position, string Reason) : BuildEvent
{
    /// <summary>Seconds until it starts if builds take as long as lately.</summary>
    public double? EstimatedSeconds { get; init; }
}

/// <summary>A node of the build went away; its work goes on elsewhere.</summary>
/// <param name="From">Node that went away.</param>
/// <param name="To">Node that goes on; null while none is free.</param>
public sealed record BuildMoved(string From, string? To) : BuildEvent;

public sealed record PhaseStarted(Phase Phase) : BuildEvent;

/// <summary>A phase reached its end.</summary>
public sealed record PhaseFinished(Phase Phase, PhaseState State, string? Message) : BuildEvent;

/// <summary>A Dockerfile step begins: it runs, or waits for another build that runs it.</summary>
public sealed record StepStarted(Phase Phase, StepName Step, bool WaitsForAnother) : BuildEvent
{
    /// <summary>Why the cache had nothing, on one line.</summary>
    public string? MissReason { get; init; }

    /// <summary>The same with the fields that differ from the nearest cached step.</summary>
    public StepMiss? Miss { get; init; }
}

/// <summary>A Dockerfile step has its result.</summary>
public sealed record StepFinished(Phase Phase, StepName Step, StepSource Source) : BuildEvent
{
    /// <summary>Diff ID of the layer, when it made one.</summary>
    public string? DiffId { get; init; }

    /// <summary>Compressed bytes of the layer.</summary>
    public long Size { get; init; }
}

/// <summary>Where a step's result came from.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<StepSource>))]
public enum StepSource
{
    /// <summary>It ran for this build.</summary>
    Ran = 0,
    /// <summary>The Dockerfile cache had it.</summary>
    Cached = 1,
    /// <summary>Another build ran it at this moment, and this one waited.</summary>
    Shared = 2,
    /// <summary>It only changed the configuration.</summary>
    Config = 3,
    /// <summary>The app's previous image has its layer.</summary>
    Restored = 4,
}

/// <summary>Output of a phase or a step: text as it came, not necessarily whole lines.</summary>
public sealed record OutputWritten(Phase Phase, string Text, bool IsError) : BuildEvent
{
    /// <summary>Where it stands in the output of a sandbox that may outlive its silo; null for all other output.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public OutputMark? Mark { get; init; }
}

/// <summary>How far a journal has the output of a sandbox: who goes on with the sandbox goes on behind it.</summary>
/// <param name="Sandbox">The sandbox, as nothing else is called.</param>
/// <param name="Stream">0 for lines of the lifecycle's own, 1 for standard output, 2 for standard error of its processes.</param>
/// <param name="End">Lines or bytes of the stream that are in the journal now.</param>
public sealed record OutputMark(string Sandbox, int Stream, long End);

/// <summary>The build reached its end.</summary>
public sealed record BuildFinished(BuildState State, int ExitCode) : BuildEvent
{
    public Failure? Failure { get; init; }

    public PublishedImage? Image { get; init; }
}
