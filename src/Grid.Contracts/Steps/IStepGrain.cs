using Grid.Dockerfiles.Keys;
using Grid.Lifecycle.Packages;
using Grid.Oci;
using Grid.Oci.Images;
using Orleans.Concurrency;

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

    /// <summary>Where the step stands, for a collector and for people; changes nothing.</summary>
    [Alias("Describe"), ReadOnly]
    Task<StepDescription> DescribeAsync();

    /// <summary>Forgets the result, unless somebody runs the step or has used it since; says whether nothing is there any more.</summary>
    [Alias("Forget")]
    Task<bool> ForgetAsync(DateTimeOffset notUsedSince);
}

/// <summary>A step as it stands.</summary>
[GenerateSerializer, Immutable, Alias("grid.StepDescription")]
public sealed record StepDescription
{
    /// <summary>The result; null when there is none.</summary>
    [Id(0)] public CachedStep? Finished { get; init; }

    /// <summary>Whether somebody runs it now.</summary>
    [Id(1)] public bool Running { get; init; }

    /// <summary>When a build last had it from the cache, to the hour, or when it was made.</summary>
    [Id(2)] public DateTimeOffset LastUsedAt { get; init; }

    /// <summary>How often the cache had it.</summary>
    [Id(3)] public long Uses { get; init; }
}

/// <summary>Who claims a step.</summary>
/// <param name="Handle">Handle of the work that would run it.</param>
/// <param name="Claimant">The extender grain to tell when it has to wait. It may take its own lease over under another handle.</param>
[GenerateSerializer, Immutable, Alias("grid.StepClaimRequest")]
public sealed record StepClaimRequest([property: Id(0)] string Handle, [property: Id(1)] string Claimant)
{
    /// <summary>Take no result that is older: the user wants the step to run again.</summary>
    [Id(2)] public DateTimeOffset? NotBefore { get; init; }

    /// <summary>A layer's blob that was found unusable: a result with this one is none.</summary>
    [Id(3)] public Digest Broken { get; init; }

    /// <summary>What is wrong with <see cref="Broken"/>, in words.</summary>
    [Id(4)] public string? BrokenReason { get; init; }

    /// <summary>
    /// Name of this start of the grid, when no process of an earlier one can be alive: leases of another epoch are nobody's. Empty in a grid whose silos
    /// come and go; there a lease has to run out.
    /// </summary>
    [Id(5)] public string Epoch { get; init; } = "";
}

/// <summary>Answer to a claim.</summary>
[GenerateSerializer, Immutable, Alias("grid.StepClaim")]
public sealed record StepClaim([property: Id(0)] StepClaimKind Kind)
{
    /// <summary>The finished step of a hit.</summary>
    [Id(1)] public CachedStep? Step { get; init; }

    /// <summary>Why a result that is there could not be used; null when there is none.</summary>
    [Id(2)] public string? Reason { get; init; }
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

    /// <summary>Packages it installed and removed; null when it changed no package database.</summary>
    [Id(4)] public PackageChanges? Packages { get; init; }

    /// <summary>Names that are root in the image's passwd behind the step; null when it was not looked at.</summary>
    [Id(5)] public string[]? RootUsers { get; init; }
}
