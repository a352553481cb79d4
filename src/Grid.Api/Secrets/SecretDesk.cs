using System.Text;
using Grid.Api.Builds;
using Grid.Api.Identity;
using Grid.Api.Problems;
using Grid.Client.Models;
using Grid.Contracts.Secrets;
using Grid.Contracts.Tenants;

namespace Grid.Api.Secrets;

/// <summary>
/// Takes secrets in: they are sealed here, before anything else of the grid sees them. There is no way back out through the API.
/// </summary>
public sealed class SecretDesk(IGrainFactory grains, SecretKeyRing keys, TimeProvider time)
{
    /// <summary>Most bytes of one value.</summary>
    public const int MaxBytes = 512 * 1024;

    /// <summary>The tenant's secrets of these kinds, without values.</summary>
    public async Task<Page<SecretResource>> ListAsync(string tenant, params SecretKind[] kinds)
    {
        await TenantAsync(tenant);
        return new Page<SecretResource>([.. (await Of(tenant).ReadAsync()).Where(s => kinds.Contains(s.Kind)).Select(Describe)], null);
    }

    /// <summary>Seals and keeps a value.</summary>
    public async Task<SecretResource> SetAsync(string tenant, SecretKind kind, string name, byte[] value, Caller caller)
    {
        await TenantAsync(tenant);
        return Describe(await KeepAsync(tenant, kind, name, value, caller));
    }

    /// <summary>Seals and keeps what a build is given for itself.</summary>
    public async Task SetForBuildAsync(string tenant, string build, IReadOnlyDictionary<string, byte[]> secrets, Caller caller)
    {
        foreach (var (id, value) in secrets)
            await KeepAsync(BuildDesk.KeyOf(tenant, build), SecretKind.Mount, id, value, caller);
    }

    /// <summary>Forgets what a build that was not accepted was given.</summary>
    public Task ClearForBuildAsync(string tenant, string build) => Of(BuildDesk.KeyOf(tenant, build)).ClearAsync();

    /// <summary>Removes a secret, whichever of these kinds it is.</summary>
    public async Task RemoveAsync(string tenant, string name, params SecretKind[] kinds)
    {
        await TenantAsync(tenant);
        var removed = false;
        foreach (var kind in kinds)
            removed |= await Of(tenant).RemoveAsync(kind, name);
        if (!removed)
            throw ApiException.NotFound();
    }

    /// <summary>Seals all of a tenant's secrets again with the current key, so that older keys can be taken away.</summary>
    public async Task<int> ResealAsync(string tenant)
    {
        await TenantAsync(tenant);
        var count = 0;
        foreach (var known in (await Of(tenant).ReadAsync()).Where(s => s.KeyId != keys.CurrentId))
        {
            if (await Of(tenant).ReplaceAsync(known, Guarded(() => keys.Seal(tenant, known.Kind, known.Name, keys.Open(tenant, known), known.ChangedAt, known.ChangedBy))))
                count++;
        }
        return count;
    }

    /// <summary>The bytes of a value that was sent in one of two ways.</summary>
    public static byte[] Value(SecretRequest request, Dictionary<string, string[]> errors)
    {
        if ((request.Value is null) == (request.Base64 is null))
            errors["value"] = ["exactly one of value and base64"];
        var value = request.Base64 ?? Encoding.UTF8.GetBytes(request.Value ?? "");
        if (value.Length is 0 or > MaxBytes)
            errors["value"] = [$"1 to {MaxBytes} bytes"];
        if (request.Kind == SecretKind.Variable && (value.Contains((byte)0) || !System.Text.Unicode.Utf8.IsValid(value)))
            errors["value"] = ["a variable holds text without NUL"];
        return value;
    }

    private async Task TenantAsync(string tenant)
    {
        if (!Names.IsTenant(tenant) || await grains.GetGrain<ITenantGrain>(tenant).GetAsync() is null)
            throw ApiException.NotFound();
    }

    private async Task<SealedSecret> KeepAsync(string owner, SecretKind kind, string name, byte[] value, Caller caller)
    {
        var secret = Guarded(() => keys.Seal(owner, kind, name, value, time.GetUtcNow(), caller.Subject));
        return await Of(owner).SetAsync(secret) ? secret
            : throw new ApiException(ProblemCode.TooLarge, $"{owner} has no room for it: all secrets together may have {ISecretsGrain.MaxBytes} bytes; remove one first");
    }

    private static T Guarded<T>(Func<T> use)
    {
        try
        {
            return use();
        }
        catch (SecretKeyException e)
        {
            throw new ApiException(ProblemCode.SecretsUnavailable, e.Message);
        }
    }

    private ISecretsGrain Of(string owner) => grains.GetGrain<ISecretsGrain>(owner);

    private static SecretResource Describe(SealedSecret secret) => new() { Name = secret.Name, Kind = secret.Kind, ChangedAt = secret.ChangedAt, ChangedBy = secret.ChangedBy, KeyId = secret.KeyId };
}
