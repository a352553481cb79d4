using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Order;

/// <summary>Buildpacks that the operator adds to every group (platform.md §system.toml, Platform API 0.15). <c>optional</c> is honoured (row 4).</summary>
public sealed record SystemFile(IReadOnlyList<OrderElement> Pre, IReadOnlyList<OrderElement> Post)
{
    /// <summary>Reads a system.toml.</summary>
    public static SystemFile Parse(string text, string fileName) => From(TomlFile.Parse(text, fileName));

    /// <summary>Reads a system.toml of a tree; null when there is none.</summary>
    public static SystemFile? ReadIfExists(IFileTree files, string path) => TomlFile.ReadIfExists(files, path) is { } document ? From(document) : null;

    private static SystemFile From(TomlTable document)
    {
        var system = document.GetTable("system");
        return new SystemFile(Elements(system?.GetTable("pre")), Elements(system?.GetTable("post")));
    }

    private static IReadOnlyList<OrderElement> Elements(TomlTable? place) =>
        place is null ? [] : [.. place.GetTables("buildpacks").Select(e => OrderReader.Element(e, ModuleKind.Buildpack))];
}
