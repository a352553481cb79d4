using Grid.Buildpacks;
using Grid.Buildpacks.Toml;
using Grid.Oci;

namespace Grid.Lifecycle.Export;

/// <summary>What export wrote (platform.md §report.toml).</summary>
public sealed record ExportReport
{
    /// <summary>The app image's digest: that of the bytes we made. A Docker engine names it otherwise.</summary>
    public required Digest Digest { get; init; }

    /// <summary>Bytes of the manifest.</summary>
    public required long ManifestSize { get; init; }

    /// <summary>The names it was written under, as asked for.</summary>
    public required IReadOnlyList<string> Tags { get; init; }

    /// <summary>The same, pinned: by digest, or for a Docker engine by image ID.</summary>
    public required IReadOnlyList<string> Pinned { get; init; }

    /// <summary>Names that could not be written, and why.</summary>
    public required IReadOnlyList<TagError> Errors { get; init; }

    /// <summary>The text of report.toml.</summary>
    public string ToToml() => TomlWriter.Write(new TomlTable().Set(
        "image",
        new TomlTable()
            .Set("tags", new TomlArray(Tags.Select(tag => (TomlValue)tag)))
            .Set("digest", Digest.ToString())
            .Set("manifest-size", ManifestSize)));

    /// <summary>Throws when a name could not be written (exit code 62); the message lists each, and what was written nevertheless.</summary>
    public void EnsureComplete()
    {
        if (Errors.Count == 0)
            return;
        var failed = string.Join("; ", Errors.Select(error => $"{error.Tag}: {error.Message}"));
        var written = Tags.Count == 0 ? "" : $" (written: {string.Join(", ", Tags)})";
        throw new LifecycleException(ExitCode.ExportError, $"failed to write image to the following tags: [{failed}]{written}");
    }
}

/// <summary>A name that could not be written.</summary>
public sealed record TagError(string Tag, string Message);
