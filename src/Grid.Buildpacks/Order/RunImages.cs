using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Order;

/// <summary>A run image the builder knows, with where else it can be had.</summary>
public sealed record KnownRunImage(string Image, IReadOnlyList<string> Mirrors);

/// <summary>The run images a builder knows (platform.md §run.toml).</summary>
public sealed record RunImages(IReadOnlyList<KnownRunImage> Images)
{
    /// <summary>Whether this exact name is one of them or a mirror.</summary>
    public bool Knows(string name) => Images.Any(i => i.Image == name || i.Mirrors.Contains(name));

    /// <summary>Reads a run.toml.</summary>
    public static RunImages Parse(string text, string fileName) => From(TomlFile.Parse(text, fileName));

    /// <summary>Reads a run.toml of a tree; null when there is none.</summary>
    public static RunImages? ReadIfExists(IFileTree files, string path) => TomlFile.ReadIfExists(files, path) is { } document ? From(document) : null;

    private static RunImages From(TomlTable document) =>
        new([.. document.GetTables("images").Select(i => new KnownRunImage(i.RequireString("image"), i.GetStrings("mirrors")))]);
}
