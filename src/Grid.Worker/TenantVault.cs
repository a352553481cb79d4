using System.Collections.Concurrent;
using System.Security.Cryptography;
using Grid.Contracts.Secrets;
using Grid.Oci.Images;
using Grid.Oci.Registry;

namespace Grid.Worker;

/// <summary>
/// Opens what tenants have sealed, on the node that works with it, when it works with it. Registry logins go to the connection to that registry and nowhere
/// else; a secret for a step is opened when a step asks for it by its id.
/// </summary>
/// <param name="keys">This node's keys.</param>
/// <param name="grains">The grid.</param>
/// <param name="shared">The image stores of who has no logins of its own.</param>
/// <param name="stores">The same stores one by one; the registries' is made anew for a tenant with logins.</param>
/// <param name="credentials">The node's own credentials, for registries that the tenant has no login for.</param>
/// <param name="options">Whether there are tenants.</param>
/// <param name="time">Waits while a grain that is asked moves to another silo.</param>
public sealed class TenantVault(SecretKeyRing keys, IGrainFactory grains, ImageStores shared, IEnumerable<IImageStore> stores, ICredentialStore credentials, WorkerOptions options, TimeProvider time)
{
    private const int MaxRemembered = 1_000;
    private readonly IReadOnlyList<IImageStore> _stores = [.. stores];
    private readonly ConcurrentDictionary<string, (string Print, ImageStores Images)> _images = new(StringComparer.Ordinal);

    /// <summary>The places of images as a tenant reaches them. Its own logins win over the node's.</summary>
    internal async Task<ImageStores> ImagesAsync(string tenant, CancellationToken cancellationToken)
    {
        // Whether this node has keys is not asked: a secret that it cannot open ends the work, and never counts as none.
        if (!options.HasTenants)
            return shared;
        var logins = await ReadAsync(tenant, cancellationToken, SecretKind.Registry);
        if (logins.Count == 0)
            return shared;
        var print = Print(logins);
        if (_images.TryGetValue(tenant, out var known) && known.Print == print)
            return known.Images;
        var entries = logins.ToDictionary(l => l.Name, l => Credential(RegistryLogin.FromBytes(keys.Open(tenant, l))), StringComparer.Ordinal);
        var images = new ImageStores(_stores.Select(s => s is RegistryImageStore registries ? registries.With(new RepositoryCredentials(entries, credentials)) : s));
        if (_images.Count >= MaxRemembered)
            _images.Clear();
        _images[tenant] = (print, images);
        return images;
    }

    /// <summary>What buildpacks and extensions of the tenant get.</summary>
    internal async Task<TenantSecrets> ForBuildpacksAsync(string tenant, CancellationToken cancellationToken)
    {
        if (!options.HasTenants)
            return TenantSecrets.None;
        var secrets = await ReadAsync(tenant, cancellationToken, SecretKind.Variable, SecretKind.Binding);
        return new TenantSecrets(
            secrets.Where(s => s.Kind == SecretKind.Variable).ToDictionary(s => s.Name, s => keys.Open(tenant, s), StringComparer.Ordinal),
            secrets.Where(s => s.Kind == SecretKind.Binding).ToDictionary(s => s.Name, s => BindingValue.FromBytes(keys.Open(tenant, s)), StringComparer.Ordinal));
    }

    /// <summary>The secrets that a step asks for, by id: those given with the build before the tenant's. What nobody gave is not in the answer.</summary>
    internal async Task<IReadOnlyDictionary<string, byte[]>> ForStepAsync(string buildKey, string tenant, IReadOnlyCollection<string> ids, CancellationToken cancellationToken)
    {
        var values = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        if (ids.Count == 0 || !options.HasTenants)
            return values;
        foreach (var owner in new[] { tenant, buildKey })
        {
            foreach (var secret in await ReadAsync(owner, cancellationToken, SecretKind.Mount))
            {
                if (ids.Contains(secret.Name))
                    values[secret.Name] = keys.Open(owner, secret);
            }
        }
        return values;
    }

    private async Task<IReadOnlyList<SealedSecret>> ReadAsync(string owner, CancellationToken cancellationToken, params SecretKind[] kinds) =>
        [.. (await Question.AskAsync(() => grains.GetGrain<ISecretsGrain>(owner).ReadAsync(), time, cancellationToken)).Where(s => kinds.Contains(s.Kind))];

    private static RegistryCredential Credential(RegistryLogin login) => login.IdentityToken is { } token ? RegistryCredential.Identity(token) : RegistryCredential.Basic(login.Username!, login.Password!);

    /// <summary>Tells one set of boxes from another.</summary>
    private static string Print(IEnumerable<SealedSecret> secrets)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var secret in secrets)
            hash.AppendData(secret.Box);
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
