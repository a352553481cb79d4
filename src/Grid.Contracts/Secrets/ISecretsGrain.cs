using Orleans.Concurrency;

namespace Grid.Contracts.Secrets;

/// <summary>
/// Sealed secrets of an owner: a tenant (keyed by its name), or a build that was given some of its own (keyed <c>tenant/build</c>, until the build has ended).
/// The grain keeps boxes and cannot open them.
/// </summary>
[Alias("grid.ISecretsGrain")]
public interface ISecretsGrain : IGrainWithStringKey
{
    /// <summary>Most bytes of all boxes of one owner.</summary>
    const int MaxBytes = 1024 * 1024;

    /// <summary>Keeps a secret in place of the one of the same kind and name. False when the owner has no room for it.</summary>
    [Alias("Set")]
    Task<bool> SetAsync(SealedSecret secret);

    /// <summary>Puts <paramref name="fresh"/> in the place of exactly <paramref name="known"/>; false when that was changed or removed in between.</summary>
    [Alias("Replace")]
    Task<bool> ReplaceAsync(SealedSecret known, SealedSecret fresh);

    /// <summary>Removes a secret; false when there is none of the name.</summary>
    [Alias("Remove")]
    Task<bool> RemoveAsync(SecretKind kind, string name);

    /// <summary>All of them, in order of kind and name.</summary>
    [Alias("Read"), ReadOnly]
    Task<SealedSecret[]> ReadAsync();

    /// <summary>Removes all of them from storage.</summary>
    [Alias("Clear")]
    Task ClearAsync();
}
