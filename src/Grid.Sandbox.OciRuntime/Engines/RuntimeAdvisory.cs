using System.Text.RegularExpressions;

namespace Grid.Sandbox.OciRuntime.Engines;

/// <summary>
/// Which known ways out of a container a runtime may still have, judged by its version. Distributions mend old versions without changing the number, so this
/// warns and does not refuse.
/// </summary>
internal static partial class RuntimeAdvisory
{
    /// <summary>Defects of runc and crun, and the first version of each line of releases that has none of them.</summary>
    private static readonly (string Runtime, string Defects, Version[] Mended)[] Known =
    [
        ("runc", "CVE-2024-21626 (a leaked descriptor of the host)", [new(1, 1, 12)]),
        ("runc", "CVE-2025-31133, CVE-2025-52565, CVE-2025-52881 (masked paths and console by way of links)", [new(1, 2, 8), new(1, 3, 3), new(1, 4, 0)]),
        ("crun", "CVE-2025-24965 (krun handler)", [new(1, 20)]),
    ];

    /// <summary>A warning about a runtime such as <c>runc 1.1.5+ds1</c>, or null.</summary>
    public static string? Of(string name)
    {
        var match = NameAndVersion().Match(name);
        if (!match.Success || !Version.TryParse(match.Groups["version"].Value, out var version))
            return null;
        var open = Known.Where(defect => defect.Runtime == match.Groups["runtime"].Value && !IsMended(version, defect.Mended)).Select(defect => defect.Defects).ToList();
        return open.Count == 0 ? null : $"by its version, {name} may lack the fixes of {string.Join("; ", open)}: check that your distribution has them, or update it";
    }

    /// <summary>Newer than the newest line, or mended within its own line.</summary>
    private static bool IsMended(Version version, Version[] mended) =>
        version >= mended[^1] || mended.Any(fix => fix.Major == version.Major && fix.Minor == version.Minor && version >= fix);

    [GeneratedRegex(@"^(?<runtime>runc|crun) (?<version>\d+\.\d+(\.\d+)?)")]
    private static partial Regex NameAndVersion();
}
