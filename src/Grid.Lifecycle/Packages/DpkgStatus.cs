using System.Text;

namespace Grid.Lifecycle.Packages;

/// <summary>Reads dpkg's database: <c>/var/lib/dpkg/status</c>, or the files of <c>status.d</c> that distroless images have instead (one package each).</summary>
public static class DpkgStatus
{
    /// <summary>Installed packages of a status file; what is removed but configured is none. Broken paragraphs are left out.</summary>
    public static IReadOnlyList<Package> Parse(ReadOnlySpan<byte> text, PackageLimits limits) => Paragraphs.Read(text, limits, paragraph =>
    {
        var name = paragraph.GetValueOrDefault("Package");
        var version = paragraph.GetValueOrDefault("Version");
        // status.d has no Status line: what stands there is installed.
        var installed = !paragraph.TryGetValue("Status", out var status) || status.EndsWith(" installed", StringComparison.Ordinal);
        if (string.IsNullOrEmpty(name) || string.IsNullOrEmpty(version) || !installed)
            return null;
        var source = paragraph.GetValueOrDefault("Source")?.Split(' ')[0];
        return new Package(PackageKind.Deb, name, version, paragraph.GetValueOrDefault("Architecture") ?? "")
        {
            Source = source == name ? null : source,
        };
    }, ':');
}

/// <summary>Reads apk's database, <c>/lib/apk/db/installed</c>.</summary>
public static class ApkInstalled
{
    /// <summary>Installed packages. Broken paragraphs are left out.</summary>
    public static IReadOnlyList<Package> Parse(ReadOnlySpan<byte> text, PackageLimits limits) => Paragraphs.Read(text, limits, paragraph =>
    {
        var (name, version) = (paragraph.GetValueOrDefault("P"), paragraph.GetValueOrDefault("V"));
        if (string.IsNullOrEmpty(name) || string.IsNullOrEmpty(version))
            return null;
        var origin = paragraph.GetValueOrDefault("o");
        return new Package(PackageKind.Apk, name, version, paragraph.GetValueOrDefault("A") ?? "")
        {
            Source = origin == name ? null : origin,
            License = paragraph.GetValueOrDefault("L"),
        };
    }, ':');
}

/// <summary>Bounds for reading databases that anybody may have written.</summary>
public sealed record PackageLimits
{
    /// <summary>Bytes of a database that are read; Debian's with a few thousand packages has some megabytes, an rpm one some tens of them.</summary>
    public int MaxBytes { get; init; } = 256 * 1024 * 1024;

    /// <summary>Packages of an image.</summary>
    public int MaxPackages { get; init; } = 50_000;

    /// <summary>Characters of a name or version; longer ones are cut.</summary>
    public int MaxText { get; init; } = 512;
}

/// <summary>Text databases of paragraphs with a field a line.</summary>
internal static class Paragraphs
{
    public static IReadOnlyList<Package> Read(ReadOnlySpan<byte> text, PackageLimits limits, Func<Dictionary<string, string>, Package?> package, char separator)
    {
        var packages = new List<Package>();
        var fields = new Dictionary<string, string>(StringComparer.Ordinal);
        while (true)
        {
            var end = text.IndexOf((byte)'\n');
            var line = end < 0 ? text : text[..end];
            if (line.TrimEnd("\r "u8).IsEmpty)
                End();
            // Continuation lines (descriptions, conffiles) say nothing we want.
            else if (line[0] is not ((byte)' ' or (byte)'\t') && line.IndexOf((byte)separator) is > 0 and var at)
                fields.TryAdd(Encoding.UTF8.GetString(line[..Math.Min(at, 64)]), Cut(line[(at + 1)..], limits.MaxText));
            if (end < 0 || packages.Count == limits.MaxPackages)
                break;
            text = text[(end + 1)..];
        }
        End();
        return packages;

        void End()
        {
            if (fields.Count > 0 && packages.Count < limits.MaxPackages && package(fields) is { } found)
                packages.Add(found);
            fields.Clear();
        }
    }

    private static string Cut(ReadOnlySpan<byte> value, int length)
    {
        var trimmed = value.Trim(" \t\r"u8);
        return Encoding.UTF8.GetString(trimmed[..Math.Min(trimmed.Length, length)]);
    }
}
