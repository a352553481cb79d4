using System.Net;

namespace Grid.Oci.Registry;

/// <summary>Rules about host names: which may be spoken to without TLS, and which may see another's credentials.</summary>
internal static class RegistryHost
{
    /// <summary>Whether <c>host[:port]</c> is this machine.</summary>
    public static bool IsLoopback(string authority)
    {
        var host = WithoutPort(authority);
        return host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));
    }

    /// <summary>Whether plain HTTP may be used at all.</summary>
    public static bool MayBePlain(string authority, RegistryOptions options) =>
        IsLoopback(authority) || options.Insecure.Contains(authority, StringComparer.OrdinalIgnoreCase);

    /// <summary>Same scheme, host and port: the only place a registry's own authorization header goes to.</summary>
    public static bool IsSameOrigin(Uri a, Uri b) =>
        a.Scheme == b.Scheme && a.Port == b.Port && a.IdnHost.Equals(b.IdnHost, StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// Whether a token server may be given the credentials of a registry: it is the same host, or one under the registry's parent domain, or
    /// listed. <c>registry.example.com</c> may use <c>auth.example.com</c>, not <c>auth.example.com.evil.org</c>.
    /// </summary>
    public static bool MayReceiveCredentials(Uri realm, Uri registry, RegistryOptions options)
    {
        if (realm.IdnHost.Equals(registry.IdnHost, StringComparison.OrdinalIgnoreCase)
            || options.TrustedRealms.Contains(realm.IdnHost, StringComparer.OrdinalIgnoreCase))
            return true;
        if (realm.HostNameType != UriHostNameType.Dns || registry.HostNameType != UriHostNameType.Dns)
            return false;
        if (realm.IdnHost.EndsWith("." + registry.IdnHost, StringComparison.OrdinalIgnoreCase))
            return true;
        var parent = registry.IdnHost[(registry.IdnHost.IndexOf('.') + 1)..];
        return !IsPublicSuffix(parent)
            && (realm.IdnHost.Equals(parent, StringComparison.OrdinalIgnoreCase)
                || realm.IdnHost.EndsWith("." + parent, StringComparison.OrdinalIgnoreCase));
    }

    public static string WithoutPort(string authority)
    {
        var colon = authority.LastIndexOf(':');
        return colon > authority.LastIndexOf(']') ? authority[..colon] : authority;
    }

    // Anybody can have a name under "com" or "co.uk". Not the whole list of suffixes: two short labels are taken for one, which errs on the
    // side of asking for an entry in TrustedRealms.
    private static bool IsPublicSuffix(string domain)
    {
        var labels = domain.Split('.');
        return labels.Length < 2 || (labels.Length == 2 && labels[0].Length <= 3 && labels[1].Length == 2);
    }
}
