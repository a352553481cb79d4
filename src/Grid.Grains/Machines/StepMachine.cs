using Grid.Contracts.Steps;

namespace Grid.Grains.Machines;

/// <summary>
/// One Dockerfile step in the grid as pure functions over its state: at most one lease at a time, and a finished step stays finished until
/// somebody shows that it is of no use (expired, or its blob gone).
/// </summary>
/// <remarks>
/// <code>
/// empty ──claim→ leased ──complete→ finished ──claim→ finished (hit)
///   ↑              │ release, or lease ran out      │ claim with refresh, or too old
///   └──────────────┴──────────────→ leased ←────────┘
/// </code>
/// </remarks>
public static class StepMachine
{
    /// <summary>How long a lease lasts without being renewed. Longer than a dead silo takes to be noticed.</summary>
    public static readonly TimeSpan LeaseTime = TimeSpan.FromSeconds(60);

    /// <summary>How long a finished step is used, as the reference's cache does (spec-facts §3.8).</summary>
    public static readonly TimeSpan TimeToLive = TimeSpan.FromDays(14);

    /// <summary>Answers a claim.</summary>
    public static (StepProgress Progress, StepClaim Claim) Claim(StepProgress progress, StepClaimRequest request, DateTimeOffset now)
    {
        if (progress.Finished is { } step && !request.Refresh && now - step.CreatedAt < TimeToLive)
            return (progress with { LastUsedAt = now, Uses = progress.Uses + 1 }, new StepClaim(StepClaimKind.Hit) { Step = step });
        if (progress.Lease is { } lease && lease.Handle != request.Handle && lease.ExpiresAt > now)
            return (progress with { Waiting = [.. progress.Waiting.Where(w => w != request.Claimant), request.Claimant] }, new StepClaim(StepClaimKind.Wait));
        return (progress with { Finished = null, Lease = new StepLease(request.Handle, now + LeaseTime), Waiting = [.. progress.Waiting.Where(w => w != request.Claimant)] },
            new StepClaim(StepClaimKind.Run));
    }

    /// <summary>Prolongs a lease; null when it is not the handle's own.</summary>
    public static StepProgress? Renew(StepProgress progress, string handle, DateTimeOffset now) =>
        progress.Lease?.Handle == handle ? progress with { Lease = new StepLease(handle, now + LeaseTime) } : null;

    /// <summary>Takes the lease holder's result; null when the lease is not the handle's own, so that a stale runner can never write.</summary>
    public static StepProgress? Complete(StepProgress progress, string handle, CachedStep step) =>
        progress.Lease?.Handle == handle ? progress with { Finished = step, Lease = null, Waiting = [], LastUsedAt = step.CreatedAt } : null;

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
}

/// <summary>Who runs a step, and until when that holds unless renewed.</summary>
public sealed record StepLease(string Handle, DateTimeOffset ExpiresAt);
