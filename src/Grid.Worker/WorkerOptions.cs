using Grid.Sandbox;

namespace Grid.Worker;

/// <summary>Settings of a node's worker.</summary>
public sealed record WorkerOptions
{
    /// <summary>Where builds have their source, layers and platform directories while they run.</summary>
    public required string BuildsDirectory { get; init; }

    /// <summary>The launcher for app images whose builder brings none.</summary>
    public required string Launcher { get; init; }

    /// <summary>Bounds for each sandbox.</summary>
    public SandboxLimits SandboxLimits { get; init; } = new();
}
