namespace Grid.Oci.Registry;

/// <summary>Knows the credentials for registries.</summary>
public interface ICredentialStore
{
    /// <summary>The credentials for exactly this registry (<c>host[:port]</c>), or null to go without.</summary>
    /// <exception cref="Images.ImageAccessException">Credentials are configured but cannot be had (a broken file, a failing helper).</exception>
    ValueTask<RegistryCredential?> FindAsync(string registry, CancellationToken cancellationToken);

    /// <summary>The credentials for a repository of a registry; stores that know registries only give the registry's.</summary>
    /// <exception cref="Images.ImageAccessException">As <see cref="FindAsync(string, CancellationToken)"/>.</exception>
    ValueTask<RegistryCredential?> FindAsync(string registry, string? repository, CancellationToken cancellationToken) => FindAsync(registry, cancellationToken);
}

/// <summary>Credentials for one registry. They never appear in <see cref="ToString"/>.</summary>
public sealed class RegistryCredential
{
    private RegistryCredential(string? username, string? password, string? identityToken, string? bearerToken) =>
        (Username, Password, IdentityToken, BearerToken) = (username, password, identityToken, bearerToken);

    internal string? Username { get; }

    internal string? Password { get; }

    internal string? IdentityToken { get; }

    internal string? BearerToken { get; }

    /// <summary>A name and a password (or access token used as one).</summary>
    public static RegistryCredential Basic(string username, string password) => new(username, password, null, null);

    /// <summary>A refresh token, as <c>docker login</c> stores for some registries; it is exchanged for access tokens.</summary>
    public static RegistryCredential Identity(string token) => new(null, null, token, null);

    /// <summary>A token that is sent to the registry as it is.</summary>
    public static RegistryCredential Bearer(string token) => new(null, null, null, token);

    /// <summary>The kind of credential, without what is secret.</summary>
    public override string ToString() =>
        BearerToken is not null ? "bearer token" : IdentityToken is not null ? "identity token" : "user name and password";
}

/// <summary>No credentials: only what registries give to everybody.</summary>
public sealed class AnonymousCredentials : ICredentialStore
{
    /// <inheritdoc/>
    public ValueTask<RegistryCredential?> FindAsync(string registry, CancellationToken cancellationToken) => default;
}
