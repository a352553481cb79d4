namespace Grid.Oci.Registry;

/// <summary>Credentials for registries and for parts of them (<c>host[:port][/prefix]</c>); the longest prefix that fits counts, and what nothing fits is asked elsewhere.</summary>
/// <param name="entries">By name: a registry, or a registry and the first parts of repositories' names.</param>
/// <param name="others">Asked when no entry fits.</param>
public sealed class RepositoryCredentials(IReadOnlyDictionary<string, RegistryCredential> entries, ICredentialStore others) : ICredentialStore
{
    /// <inheritdoc/>
    public ValueTask<RegistryCredential?> FindAsync(string registry, CancellationToken cancellationToken) => FindAsync(registry, null, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<RegistryCredential?> FindAsync(string registry, string? repository, CancellationToken cancellationToken)
    {
        var host = DockerConfigCredentials.HostOf(registry) ?? registry;
        foreach (var name in Names(host, repository))
        {
            if (entries.TryGetValue(name, out var found))
                return ValueTask.FromResult<RegistryCredential?>(found);
        }
        return others.FindAsync(registry, repository, cancellationToken);
    }

    /// <summary>The name an entry is kept under, or null when the text is none: <c>docker.io</c> and its other names are one registry.</summary>
    public static string? NameOf(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var (host, prefix) = slash < 0 ? (text, "") : (text[..slash], text[slash..].TrimEnd('/'));
        if (host.Length == 0 || host.Contains("://", StringComparison.Ordinal) || DockerConfigCredentials.HostOf(host) is not { } known)
            return null;
        try
        {
            // A repository below it must be one that references can name.
            return ImageReference.Parse($"{host}{prefix}/x").Registry == known ? known + prefix : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    private static IEnumerable<string> Names(string host, string? repository)
    {
        for (var rest = repository; rest is { Length: > 0 }; rest = rest.LastIndexOf('/') is var slash and > 0 ? rest[..slash] : null)
            yield return $"{host}/{rest}";
        yield return host;
    }
}
