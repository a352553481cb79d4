namespace Grid.Contracts.Builds;

/// <summary>
/// Files that builds leave beside their images: report, metadata and SBOMs. They are where the build's journal is: in a grid they outlive the node that made
/// them, and they go when the build is forgotten.
/// </summary>
public interface IBuildArtifacts
{
    /// <summary>Bytes that the files of one part may have together.</summary>
    const int MaxPartBytes = 64 * 1024 * 1024;

    /// <summary>Keeps the files of a part of a build. What an earlier attempt kept of the same part is replaced.</summary>
    /// <exception cref="IOException">They could not be stored.</exception>
    Task WriteAsync(string buildKey, ArtifactPart part, IReadOnlyList<ArtifactFile> files, CancellationToken cancellationToken);

    /// <summary>The files of a build by their names, with what they hold.</summary>
    /// <exception cref="IOException">They could not be read.</exception>
    Task<IReadOnlyList<ArtifactFile>> ReadAsync(string buildKey, CancellationToken cancellationToken);

    /// <summary>Removes all files of a build; none is no error.</summary>
    Task RemoveAsync(string buildKey, CancellationToken cancellationToken);
}

/// <summary>Who leaves files. Of two with one name, that of the earlier part counts.</summary>
public enum ArtifactPart
{
    /// <summary>The buildpacks.</summary>
    Build = 0,
    /// <summary>Export.</summary>
    Export = 1,
}

/// <summary>A file that a build left.</summary>
/// <param name="Name">A path with '/', relative to the build: <c>sbom/launch/samples_app/sbom.cdx.json</c>.</param>
/// <param name="Content">Its bytes.</param>
public sealed record ArtifactFile(string Name, ReadOnlyMemory<byte> Content)
{
    /// <summary>What it is.</summary>
    public string MediaType => Path.GetFileName(Name) switch
    {
        var name when name.EndsWith(".cdx.json", StringComparison.Ordinal) => "application/vnd.cyclonedx+json",
        var name when name.EndsWith(".spdx.json", StringComparison.Ordinal) => "application/spdx+json",
        var name when name.EndsWith(".syft.json", StringComparison.Ordinal) => "application/vnd.syft+json",
        var name when name.EndsWith(".json", StringComparison.Ordinal) => "application/json",
        var name when name.EndsWith(".toml", StringComparison.Ordinal) => "application/toml",
        _ => "text/plain",
    };
}
