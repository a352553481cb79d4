using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Order;

/// <summary>A module as an order names it.</summary>
public sealed record OrderElement(ModuleKind Kind, string Id, string Version, bool Optional)
{
    public override string ToString() => Id + "@" + Version;
}

/// <summary>Modules that are tried together.</summary>
public sealed record OrderGroup(IReadOnlyList<OrderElement> Elements);

/// <summary>An order.toml: groups of buildpacks, and of extensions, in the order they are tried (platform.md §order.toml).</summary>
public sealed record OrderFile(IReadOnlyList<OrderGroup> Buildpacks, IReadOnlyList<OrderGroup> Extensions)
{
    /// <summary>Reads an order.toml.</summary>
    /// <exception cref="TomlFormatException">It cannot be read.</exception>
    public static OrderFile Read(IFileTree files, string path) => From(TomlFile.Read(files, path));

    /// <summary>Reads a parsed document; extensions are always optional.</summary>
    public static OrderFile From(TomlTable document) =>
        new(ReadGroups(document, "order", ModuleKind.Buildpack), ReadGroups(document, "order-extensions", ModuleKind.Extension));

    internal static IReadOnlyList<OrderGroup> ReadGroups(TomlTable document, string key, ModuleKind kind) =>
        [.. document.GetTables(key).Select(group => new OrderGroup([.. group.GetTables("group").Select(e => ReadElement(e, kind))]))];

    internal static OrderElement ReadElement(TomlTable element, ModuleKind kind) =>
        new(kind, element.RequireString("id"), element.RequireString("version"), kind == ModuleKind.Extension || element.GetBoolean("optional"));
}

/// <summary>A system.toml: buildpacks that the operator puts before and after every group (platform.md §system.toml, Platform API 0.15).</summary>
public sealed record SystemFile(IReadOnlyList<OrderElement> Pre, IReadOnlyList<OrderElement> Post)
{
    /// <summary>Reads a system.toml; null when there is none.</summary>
    public static SystemFile? Read(IFileTree files, string path)
    {
        if (TomlFile.ReadIfExists(files, path)?.GetTable("system") is not { } system)
            return null;
        return new SystemFile(Elements("pre"), Elements("post"));

        IReadOnlyList<OrderElement> Elements(string key) =>
            [.. (system.GetTable(key)?.GetTables("buildpacks") ?? []).Select(e => OrderFile.ReadElement(e, ModuleKind.Buildpack))];
    }

    /// <summary>A group with the operator's buildpacks around it; one whose id the group already has is left out.</summary>
    public OrderGroup Around(OrderGroup group)
    {
        var ids = group.Elements.Select(e => e.Id).ToHashSet(StringComparer.Ordinal);
        return new OrderGroup([.. Pre.Where(e => !ids.Contains(e.Id)), .. group.Elements, .. Post.Where(e => !ids.Contains(e.Id))]);
    }
}

/// <summary>The run images a builder knows (platform.md §run.toml).</summary>
public sealed record RunImages(IReadOnlyList<RunImage> Images)
{
    /// <summary>Reads a run.toml; a missing file knows none.</summary>
    public static RunImages Read(IFileTree files, string path) => new(
        [.. (TomlFile.ReadIfExists(files, path)?.GetTables("images") ?? []).Select(i => new RunImage(i.RequireString("image"), i.GetStrings("mirrors")))]);

    /// <summary>Whether a name is one of the images or mirrors.</summary>
    public bool Knows(string name) => Images.Any(i => i.Image == name || i.Mirrors.Contains(name));
}

/// <summary>A run image and where else it is.</summary>
public sealed record RunImage(string Image, IReadOnlyList<string> Mirrors);
