namespace Grid.Buildpacks.Sbom;

/// <summary>Names and kinds of the SBOM files a buildpack may leave (buildpack.md §Software-Bill-of-Materials).</summary>
public static class SbomFiles
{
    private static readonly (string Extension, string MediaType)[] Formats =
    [
        ("cdx.json", "application/vnd.cyclonedx+json"),
        ("spdx.json", "application/spdx+json"),
        ("syft.json", "application/vnd.syft+json"),
    ];

    /// <summary>The file name endings, in the order they are looked for.</summary>
    public static IEnumerable<string> Extensions => Formats.Select(format => format.Extension);

    /// <summary>
    /// Reads a file name in a buildpack's layers directory: <c>launch.sbom.cdx.json</c>, <c>build.sbom.spdx.json</c>, <c>LAYER.sbom.syft.json</c>. Null when
    /// it is no SBOM.
    /// </summary>
    /// <exception cref="FormatException">It is called an SBOM, but its format is none the specification knows.</exception>
    public static SbomFile? Parse(string fileName)
    {
        var at = fileName.LastIndexOf(".sbom.", StringComparison.Ordinal);
        if (at <= 0)
            return null;
        var extension = fileName[(at + ".sbom.".Length)..];
        var format = Array.Find(Formats, format => format.Extension == extension);
        return format.MediaType is null
            ? throw new FormatException($"SBOM file '{fileName}': the format '{extension}' is unknown; want {string.Join(", ", Extensions)}")
            : new SbomFile(fileName[..at], format.Extension, format.MediaType);
    }
}

/// <summary>An SBOM file by its name.</summary>
/// <param name="Owner">The layer it describes, or <c>launch</c> or <c>build</c> for the buildpack as a whole.</param>
/// <param name="Extension">Such as <c>cdx.json</c>.</param>
/// <param name="MediaType">What buildpack.toml's <c>sbom-formats</c> must list.</param>
public sealed record SbomFile(string Owner, string Extension, string MediaType)
{
    /// <summary>Describes what the buildpack put into the app image beyond its layers.</summary>
    public bool IsLaunch => Owner == "launch";

    /// <summary>Describes what the buildpack used for building.</summary>
    public bool IsBuild => Owner == "build";
}
