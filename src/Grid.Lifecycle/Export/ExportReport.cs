using Grid.Buildpacks;
using Grid.Buildpacks.Sbom;
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

    /// <summary>The ID a Docker engine knows it by; null when it was not written to one.</summary>
    public string? ImageId { get; init; }

    /// <summary>The names it was written under, as asked for.</summary>
    public required IReadOnlyList<string> Tags { get; init; }

    /// <summary>The same, pinned: by digest, or for a Docker engine by image ID.</summary>
    public required IReadOnlyList<string> Pinned { get; init; }

    /// <summary>Names that could not be written, and why.</summary>
    public required IReadOnlyList<TagError> Errors { get; init; }

    /// <summary>The text of report.toml: digest and size for registries and layouts, the ID for an engine.</summary>
    /// <param name="bom">The deprecated bill of materials of the build, for Platform API below 0.9.</param>
    public string ToToml(IReadOnlyList<BillOfMaterialsEntry>? bom = null)
    {
        var image = new TomlTable().Set("tags", new TomlArray(Tags.Select(tag => (TomlValue)tag)));
        if (ImageId is not null)
            image.Set("image-id", ImageId);
        else
            image.Set("digest", Digest.ToString()).Set("manifest-size", ManifestSize);
        var report = new TomlTable();
        if (bom is { Count: > 0 })
            report.Set("build", new TomlTable().Set("bom", new TomlArray(bom.Select(BomTables.Write))));
        return TomlWriter.Write(report.Set("image", image));
    }

    /// <summary>Throws when a name could not be written (exit code 62); the message lists each, and what was written nevertheless.</summary>
    public void EnsureComplete() => EnsureComplete(ExitCode.ExportError);

    /// <summary>As <see cref="EnsureComplete()"/>, with the exit code of another phase.</summary>
    public void EnsureComplete(ExitCode exitCode)
    {
        if (Errors.Count == 0)
            return;
        var failed = string.Join("; ", Errors.Select(error => $"{error.Tag}: {error.Message}"));
        var written = Tags.Count == 0 ? "" : $" (written: {string.Join(", ", Tags)})";
        throw new LifecycleException(exitCode, $"failed to write image to the following tags: [{failed}]{written}");
    }
}

/// <summary>A name that could not be written.</summary>
public sealed record TagError(string Tag, string Message);
