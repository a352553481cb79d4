using System.Text.Json;
using System.Text.Json.Serialization;
using Grid.Contracts.Steps;

namespace Grid.Grains.Machines;

/// <summary>
/// One Dockerfile step in the grid as pure functions over its state: at most one lease at a time, and a finished step stays finished until
/// somebody shows that it is of no use (expired, or its blob gone).
/// </summary>
/// <remarks>
/// <code>
/// empty ──claim→ leased ──complete→ finished ──claim→ finished (hit)
///   ↑              │ release, or lease ran out      │ claim that wants a newer one, too old, or its blob broken
///   └──────────────┴──────────────→ leased ←────────┘
/// </code>
/// </remarks>
public static class StepMachine
{
    /// <summary>How long a lease lasts without being renewed. Longer than a dead silo takes to be noticed.</summary>
    public static readonly TimeSpan LeaseTime = TimeSpan.FromSeconds(60);

    /// <summary>How long a finished step is used, as the reference's cache does (spec-facts §3.8).</summary>
    public static readonly TimeSpan DefaultTimeToLive = TimeSpan.FromDays(14);

    /// <summary>Answers a claim.</summary>
    public static (StepProgress Progress, StepClaim Claim) Claim(StepProgress progress, StepClaimRequest request, DateTimeOffset now, TimeSpan timeToLive)
    {
        var unusable = progress.Finished is { } finished ? Unusable(finished, request, now, timeToLive) : null;
        if (progress.Finished is { } step && unusable is null)
            return (progress with { LastUsedAt = now, Uses = progress.Uses + 1 }, new StepClaim(StepClaimKind.Hit) { Step = step });
        var others = progress.Waiting.Where(w => w != request.Claimant);
        if (progress.Lease is { } lease && lease.Claimant != request.Claimant && lease.Epoch == request.Epoch && lease.ExpiresAt > now)
            return (progress with { Waiting = [.. others, request.Claimant] }, new StepClaim(StepClaimKind.Wait));
        return (progress with { Finished = null, Lease = new StepLease(request.Handle, request.Claimant, request.Epoch, now + LeaseTime), Waiting = [.. others] },
            new StepClaim(StepClaimKind.Run) { Reason = unusable });
    }

    /// <summary>Why a result cannot be used, or null.</summary>
    private static string? Unusable(CachedStep step, StepClaimRequest request, DateTimeOffset now, TimeSpan timeToLive)
    {
        if (!request.Broken.IsEmpty && step.Layer?.Blob.Digest == request.Broken)
            return request.BrokenReason ?? "its cached layer cannot be used";
        if (step.CreatedAt < request.NotBefore)
            return "the build refreshes its extensions";
        return now - step.CreatedAt < timeToLive ? null
            : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"its cached result of {step.CreatedAt:yyyy-MM-dd} is older than {timeToLive.TotalDays:0.##} days");
    }

    /// <summary>Prolongs a lease; null when it is not the handle's own.</summary>
    public static StepProgress? Renew(StepProgress progress, string handle, DateTimeOffset now) =>
        progress.Lease?.Handle == handle ? progress with { Lease = progress.Lease with { ExpiresAt = now + LeaseTime } } : null;

    /// <summary>Takes the lease holder's result; null when the lease is not the handle's own, so that a stale runner can never write.</summary>
    public static StepProgress? Complete(StepProgress progress, string handle, CachedStep step) =>
        progress.Lease?.Handle == handle ? progress with { Finished = step, Lease = null, Waiting = [], LastUsedAt = step.CreatedAt } : null;

    /// <summary>Forgets the result; null when somebody runs the step, or has used it since.</summary>
    public static StepProgress? Forget(StepProgress progress, DateTimeOffset notUsedSince, DateTimeOffset now) =>
        progress.Lease is { } lease && lease.ExpiresAt > now || (progress.Finished is not null && progress.LastUsedAt >= notUsedSince) ? null : new StepProgress();

    /// <summary>Takes the lease back; null when it is not the handle's own.</summary>
    public static StepProgress? Release(StepProgress progress, string handle) =>
        progress.Lease?.Handle == handle ? progress with { Lease = null, Waiting = [] } : null;
}

/// <summary>What a step grain remembers.</summary>
public sealed record StepProgress
{
    public CachedStep? Finished { get; init; }

    public StepLease? Lease { get; init; }

    /// <summary>Keys of the extender grains to tell when the lease ends.</summary>
    public IReadOnlyList<string> Waiting { get; init; } = [];

    public DateTimeOffset LastUsedAt { get; init; }

    /// <summary>How often the cache had it.</summary>
    public long Uses { get; init; }

    /// <summary>What a later build has stored here (<see cref="LaterMembers"/>).</summary>
    [JsonExtensionData] public Dictionary<string, JsonElement>? Later { get; init; }
}

/// <summary>Who runs a step, and until when that holds unless renewed.</summary>
/// <param name="Handle">Handle of the work.</param>
/// <param name="Claimant">Key of the extender grain that asked for it.</param>
/// <param name="Epoch">Start of the grid it was asked in.</param>
/// <param name="ExpiresAt">When somebody else may take over.</param>
public sealed record StepLease(string Handle, string Claimant, string Epoch, DateTimeOffset ExpiresAt);
