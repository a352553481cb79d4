using Orleans.Concurrency;

namespace Grid.Contracts.Tenants;

/// <summary>
/// An uploaded archive, keyed <c>tenant/hex digest</c>: whether this tenant has sent these bytes. Knowing a digest is not the right to use a blob
/// that somebody else uploaded.
/// </summary>
[Alias("grid.IUploadGrain")]
public interface IUploadGrain : IGrainWithStringKey
{
    [Alias("IsComplete"), ReadOnly]
    Task<bool> IsCompleteAsync();

    /// <summary>The bytes are in the content store and were verified.</summary>
    [Alias("Complete")]
    Task CompleteAsync(long size);
}

/// <summary>What an idempotency key stands for, keyed <c>tenant/hash of the key</c>.</summary>
[Alias("grid.IIdempotencyGrain")]
public interface IIdempotencyGrain : IGrainWithStringKey
{
    /// <summary>Gives the value that was claimed first; from then on always the same.</summary>
    [Alias("Claim")]
    Task<string> ClaimAsync(string value);

    /// <summary>The value that was claimed; null when none was.</summary>
    [Alias("Find"), ReadOnly]
    Task<string?> FindAsync();

    /// <summary>Takes the claim of a value back: nothing came of it, and the key can be used again.</summary>
    [Alias("Release")]
    Task ReleaseAsync(string value);
}
