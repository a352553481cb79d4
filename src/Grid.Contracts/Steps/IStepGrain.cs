using Grid.Dockerfiles.Keys;
using Grid.Oci.Images;

namespace Grid.Contracts.Steps;

/// <summary>
/// One Dockerfile step in the whole grid, keyed <c>scope/step key</c>: its finished layer, or who runs it now. Whoever claims it first runs it,
/// the others wait and are told.
/// </summary>
[Alias("grid.IStepGrain")]
public interface IStepGrain : IGrainWithStringKey
{
    /// <summary>Asks for the step's layer: a hit, the lease to run it, or to wait. Repeating the call with the same handle is safe.</summary>
    [Alias("Claim")]
    Task<StepClaim> ClaimAsync(StepClaimRequest request);

    /// <summary>The lease holder says it still works. False when the lease is no longer its own: it must stop.</summary>
    [Alias("Renew")]
    Task<bool> RenewAsync(string handle);

    /// <summary>The lease holder has the result. Ignored when the lease is no longer its own.</summary>
    [Alias("Complete")]
    Task CompleteAsync(string handle, CachedStep step);

    /// <summary>The lease holder gives up; a waiter takes over.</summary>
    [Alias("Release")]
    Task ReleaseAsync(string handle);
}

/// <summary>Who claims a step.</summary>
/// <param name="Handle">Handle of the work that would run it.</param>
/// <param name="Claimant">The extender grain to tell when it has to wait.</param>
/// <param name="Refresh">Do not take a finished layer that is older than the build: run it again (its blob is gone, or the user said so).</param>
[GenerateSerializer, Immutable, Alias("grid.StepClaimRequest")]
public sealed record StepClaimRequest([property: Id(0)] string Handle, [property: Id(1)] string Claimant, [property: Id(2)] bool Refresh = false);

/// <summary>Answer to a claim.</summary>
[GenerateSerializer, Immutable, Alias("grid.StepClaim")]
public sealed record StepClaim([property: Id(0)] StepClaimKind Kind)
{
    /// <summary>The finished step of a hit.</summary>
    [Id(1)] public CachedStep? Step { get; init; }
}

/// <summary>What the claimant does next.</summary>
public enum StepClaimKind
{
    /// <summary>Use the layer.</summary>
    Hit = 0,
    /// <summary>Run the step; the lease is yours until you stop renewing it.</summary>
    Run = 1,
    /// <summary>Somebody else runs it; you will be told.</summary>
    Wait = 2,
}

/// <summary>A finished step.</summary>
[GenerateSerializer, Immutable, Alias("grid.CachedStep")]
public sealed record CachedStep
{
    /// <summary>The layer; null when the step changed no file.</summary>
    [Id(0)] public Layer? Layer { get; init; }

    /// <summary>The key with its fields, kept so that a later miss can name the field that differs.</summary>
    [Id(1)] public required StepKey Key { get; init; }

    /// <summary>Build that ran it.</summary>
    [Id(2)] public required string BuildKey { get; init; }

    [Id(3)] public required DateTimeOffset CreatedAt { get; init; }
}
