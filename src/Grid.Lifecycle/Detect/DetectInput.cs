using Grid.Buildpacks;
using Grid.Buildpacks.Order;

namespace Grid.Lifecycle.Detect;

/// <summary>What detection needs.</summary>
/// <param name="Environment">Where things are, as whom and for what to run.</param>
/// <param name="Order">What to try.</param>
/// <param name="System">The operator's additions; used with Platform API 0.15 and later.</param>
public sealed record DetectInput(PhaseEnvironment Environment, OrderFile Order, SystemFile? System = null)
{
    /// <summary>How many detects of a group run at once.</summary>
    public int Degree { get; init; } = global::System.Environment.ProcessorCount * 2;

    /// <summary>CNB_EXPERIMENTAL_MODE: whether extensions may be used with a Platform API below 0.13, where they are experimental.</summary>
    public ExperimentalMode ExperimentalMode { get; init; }
}

/// <summary>CNB_EXPERIMENTAL_MODE.</summary>
public enum ExperimentalMode
{
    /// <summary>Experimental features are refused.</summary>
    Error = 0,
    Warn = 1,
    Quiet = 2,
}

/// <summary>What detection found.</summary>
public sealed record DetectResult(Group Group, BuildPlan Plan);
