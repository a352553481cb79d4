using Grid.Grains.Machines;

namespace Grid.Grains.Steps;

/// <summary>Settings of the cache of Dockerfile steps, the same on every silo.</summary>
public sealed record StepCacheOptions
{
    /// <summary>How long a finished step is used, counted from when it ran; fourteen days, as the reference's cache (spec-facts §3.8).</summary>
    public TimeSpan TimeToLive { get; init; } = StepMachine.DefaultTimeToLive;

    /// <summary>Name of this start of the grid when nothing of an earlier start can be alive (see <c>StepClaimRequest.Epoch</c>); empty otherwise.</summary>
    public string Epoch { get; init; } = "";

    /// <summary>What may be shared by all tenants; nothing by default.</summary>
    public SharedStepPolicy Shared { get; init; } = new();
}
