using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Order;

/// <summary>The run images a builder knows, each with where else it can be had (platform.md §run.toml).</summary>
public sealed record RunImages(IReadOnlyList<RunImageNames> Images)
{
    /// <summary>Whether a name is one of them or a mirror: digests do not count, no tag means <c>latest</c>.</summary>
    public bool Knows(string name) => Find(name) is not null;

    /// <summary>The image that has a name or a mirror of it; null when there is none.</summary>
    public RunImageNames? Find(string name) => Images.FirstOrDefault(names => names.Has(name));

    /// <summary>Reads a run.toml.</summary>
    public static RunImages Parse(string text, string fileName) => From(TomlFile.Parse(text, fileName));

    /// <summary>Reads a run.toml of a tree; null when there is none.</summary>
    public static RunImages? ReadIfExists(IFileTree files, string path) => TomlFile.ReadIfExists(files, path) is { } document ? From(document) : null;

    /// <summary>The run image of a stack.toml, which stood for run.toml before Platform API 0.12; null when there is no file or it names none.</summary>
    /// <exception cref="TomlFormatException">It is malformed.</exception>
    public static RunImageNames? ReadStackIfExists(IFileTree files, string path) =>
        TomlFile.ReadIfExists(files, path)?.GetTable("run-image") is { } run && run.GetString("image") is { Length: > 0 } ? Names(run) : null;

    private static RunImages From(TomlTable document) => new([.. document.GetTables("images").Select(Names)]);

    private static RunImageNames Names(TomlTable table) => new()
    {
        Image = table.RequireString("image"),
        Mirrors = table.GetStrings("mirrors") is { Count: > 0 } mirrors ? mirrors : null,
    };
}
