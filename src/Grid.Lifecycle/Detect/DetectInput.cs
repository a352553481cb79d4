using Grid.Buildpacks;
using Grid.Buildpacks.Order;

namespace Grid.Lifecycle.Detect;

/// <summary>What detect works with.</summary>
public sealed record DetectInput(PhaseEnvironment Environment, OrderFile Order, SystemFile? System)
{
    /// <summary>How many bin/detect run at once.</summary>
    public int Parallelism { get; init; } = global::System.Environment.ProcessorCount * 2;
}

/// <summary>The group that passed, and its plan with the parts extensions are to provide.</summary>
public sealed record DetectResult(Group Group, BuildPlan Plan);
