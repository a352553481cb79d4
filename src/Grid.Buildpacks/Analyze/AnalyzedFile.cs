using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Analyze;

/// <summary>analyzed.toml: which images a build works with, and what the previous image says about its layers (platform.md §analyzed.toml).</summary>
public sealed record AnalyzedFile
{
    /// <summary>The previous image by digest (or a daemon's image id); null when there is none.</summary>
    public string? PreviousImage { get; init; }

    /// <summary>The build image by digest, written by the restorer when it is to be extended; null otherwise.</summary>
    public string? BuildImage { get; init; }

    public AnalyzedRunImage? RunImage { get; init; }

    /// <summary>The label of the previous image; empty when there is none.</summary>
    public LifecycleMetadata Metadata { get; init; } = new();

    /// <summary>Reads an analyzed.toml.</summary>
    /// <exception cref="TomlFormatException">It is malformed.</exception>
    public static AnalyzedFile Parse(string text, string fileName) => From(TomlFile.Parse(text, fileName));

    /// <summary>Reads an analyzed.toml of a tree; null when there is none.</summary>
    /// <exception cref="TomlFormatException">It is malformed.</exception>
    public static AnalyzedFile? ReadIfExists(IFileTree files, string path) => TomlFile.ReadIfExists(files, path) is { } document ? From(document) : null;

    /// <summary>The file's text, keys in the reference's order.</summary>
    public string Write()
    {
        var document = new TomlTable();
        if (PreviousImage is not null)
            document.Set("image", new TomlTable().Set("reference", PreviousImage));
        if (BuildImage is not null)
            document.Set("build-image", new TomlTable().Set("reference", BuildImage));
        document.Set("metadata", LifecycleMetadataToml.Write(Metadata));
        if (RunImage is not null)
            document.Set("run-image", RunImage.Write());
        return TomlWriter.Write(document);
    }

    private static AnalyzedFile From(TomlTable document) => new()
    {
        PreviousImage = document.GetTable("image")?.GetString("reference"),
        BuildImage = document.GetTable("build-image")?.GetString("reference"),
        RunImage = document.GetTable("run-image") is { } run ? AnalyzedRunImage.Read(run) : null,
        Metadata = document.GetTable("metadata") is { } metadata ? LifecycleMetadataToml.Read(metadata) : new(),
    };
}

/// <summary>The run image of a build.</summary>
public sealed record AnalyzedRunImage
{
    /// <summary>By digest (or a daemon's image id); a name when an extension switched to it and nobody has looked at it yet.</summary>
    public string Reference { get; init; } = "";

    /// <summary>The name it was chosen by.</summary>
    public string Image { get; init; } = "";

    /// <summary>Whether Dockerfiles are applied to it.</summary>
    public bool Extend { get; init; }

    /// <summary>What it is for; null when nobody has looked at it yet.</summary>
    public Target? Target { get; init; }

    internal static AnalyzedRunImage Read(TomlTable table) => new()
    {
        Reference = table.GetString("reference") ?? "",
        Image = table.GetString("image") ?? "",
        Extend = table.GetBoolean("extend"),
        Target = table.GetTable("target") is { } target ? ReadTarget(target) : null,
    };

    internal TomlTable Write()
    {
        var table = new TomlTable().Set("reference", Reference);
        if (Image.Length > 0)
            table.Set("image", Image);
        if (Extend)
            table.Set("extend", true);
        return Target is null ? table : table.Set("target", WriteTarget(Target));
    }

    // The reference says arch-variant, the specification variant (row 6).
    private static Target ReadTarget(TomlTable table) => new(table.GetString("os") ?? "", table.GetString("arch") ?? "")
    {
        Id = table.GetString("id"),
        Variant = table.GetString("arch-variant") ?? table.GetString("variant"),
        DistroName = table.GetTable("distro")?.GetString("name"),
        DistroVersion = table.GetTable("distro")?.GetString("version"),
    };

    private static TomlTable WriteTarget(Target target)
    {
        var table = new TomlTable();
        if (!string.IsNullOrEmpty(target.Id))
            table.Set("id", target.Id);
        table.Set("os", target.Os).Set("arch", target.Arch);
        if (!string.IsNullOrEmpty(target.Variant))
            table.Set("arch-variant", target.Variant);
        return target is { DistroName: null, DistroVersion: null } ? table
            : table.Set("distro", new TomlTable().Set("name", target.DistroName ?? "").Set("version", target.DistroVersion ?? ""));
    }
}
