using Orleans.Concurrency;

namespace Grid.Contracts.Tenants;

/// <summary>
/// An uploaded archive, keyed <c>tenant/hex digest</c>: whether this tenant has sent these bytes. Knowing a digest is not the right to use a blob
/// that somebody else uploaded. It is remembered as long as somebody uses it, and then as long as unused content is kept.
/// </summary>
[Alias("grid.IUploadGrain")]
public interface IUploadGrain : IGrainWithStringKey
{
    /// <summary>Whether the bytes were sent. Callers of this build use <see cref="UseAsync"/>; those of earlier ones need it.</summary>
    [Alias("IsComplete"), ReadOnly]
    Task<bool> IsCompleteAsync();

    /// <summary>Whether the bytes were sent; that somebody wants to use them is noted.</summary>
    [Alias("Use")]
    Task<bool> UseAsync();

    /// <summary>The bytes are in the content store and were verified.</summary>
    [Alias("Complete")]
    Task CompleteAsync(long size);

    /// <summary>Forgets the archive unless somebody has used it since. When it was used last, give or take an hour; null when nothing is left.</summary>
    [Alias("Expire")]
    Task<DateTimeOffset?> ExpireAsync(DateTimeOffset unusedSince);
}
