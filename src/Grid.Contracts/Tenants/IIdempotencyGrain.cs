using Orleans.Concurrency;

namespace Grid.Contracts.Tenants;

/// <summary>What an idempotency key stands for, keyed <c>tenant/hash of the key</c>, for a time. After it the key is as good as new.</summary>
[Alias("grid.IIdempotencyGrain")]
public interface IIdempotencyGrain : IGrainWithStringKey
{
    /// <summary>Gives the value that was claimed first; from then on, and until the key's time is over, always the same.</summary>
    [Alias("Claim")]
    Task<string> ClaimAsync(string value);

    /// <summary>The value that was claimed; null when none was, or its time is over.</summary>
    [Alias("Find"), ReadOnly]
    Task<string?> FindAsync();

    /// <summary>Takes the claim of a value back: nothing came of it, and the key can be used again.</summary>
    [Alias("Release")]
    Task ReleaseAsync(string value);

    /// <summary>Forgets a claim that is older than this. One that came later is found by an entry of its own (<see cref="IExpiryGrain"/>).</summary>
    [Alias("Expire")]
    Task ExpireAsync(DateTimeOffset claimedBefore);
}
