using System.Text;

namespace Grid.Lifecycle.Packages;

/// <summary>Package URLs (purl): <c>pkg:deb/debian/curl@7.88.1-10?arch=amd64</c>.</summary>
public static class PackageUrl
{
    /// <summary>The URL of a package.</summary>
    /// <param name="package">The package.</param>
    /// <param name="distribution">ID of os-release; empty gives the URL without a namespace.</param>
    public static string Of(Package package, string distribution)
    {
        var url = new StringBuilder("pkg:").Append(Type(package.Kind)).Append('/');
        if (distribution.Length > 0)
            url.Append(Escape(distribution.ToLowerInvariant())).Append('/');
        url.Append(Escape(package.Name)).Append('@').Append(Escape(package.Version));
        var separator = '?';
        Qualify("arch", package.Architecture);
        Qualify("upstream", package.Source);
        return url.ToString();

        void Qualify(string name, string? value)
        {
            if (string.IsNullOrEmpty(value))
                return;
            url.Append(separator).Append(name).Append('=').Append(Escape(value));
            separator = '&';
        }
    }

    /// <summary>Reads what <see cref="Of"/> wrote; the distribution and the licence are not part of it.</summary>
    /// <exception cref="FormatException">It is something else.</exception>
    public static Package Parse(string url)
    {
        var query = url.IndexOf('?');
        var path = query < 0 ? url : url[..query];
        var at = path.LastIndexOf('@');
        if (!path.StartsWith("pkg:", StringComparison.Ordinal) || at < 0)
            throw new FormatException($"'{url}' is no package URL");
        var parts = path[4..at].Split('/');
        var qualifiers = (query < 0 ? "" : url[(query + 1)..]).Split('&', StringSplitOptions.RemoveEmptyEntries).Select(q => q.Split('=', 2)).Where(q => q.Length == 2)
            .ToLookup(q => q[0], q => Uri.UnescapeDataString(q[1]), StringComparer.Ordinal);
        return new Package(Kind(parts[0], url), Uri.UnescapeDataString(parts[^1]), Uri.UnescapeDataString(path[(at + 1)..]), qualifiers["arch"].FirstOrDefault() ?? "")
        {
            Source = qualifiers["upstream"].FirstOrDefault(),
        };
    }

    private static string Type(PackageKind kind) => kind switch { PackageKind.Deb => "deb", PackageKind.Apk => "apk", _ => "rpm" };

    private static PackageKind Kind(string type, string url) => type switch
    {
        "deb" => PackageKind.Deb,
        "apk" => PackageKind.Apk,
        "rpm" => PackageKind.Rpm,
        _ => throw new FormatException($"'{url}' is a package of no kind that is known here"),
    };

    // The specification leaves the colon of epochs readable, and so does everybody who compares them.
    private static string Escape(string text) => Uri.EscapeDataString(text).Replace("%3A", ":", StringComparison.Ordinal);
}
