using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Order;

/// <summary>What detection tries, in order (platform.md §order.toml).</summary>
/// <param name="Order">Groups of buildpacks.</param>
/// <param name="OrderExtensions">Groups of extensions, each tried in front of each group of buildpacks.</param>
public sealed record OrderFile(IReadOnlyList<OrderGroup> Order, IReadOnlyList<OrderGroup> OrderExtensions)
{
    /// <summary>Reads an order.toml.</summary>
    /// <exception cref="TomlFormatException">It is malformed, or an element lacks id or version.</exception>
    public static OrderFile Parse(string text, string fileName) => From(TomlFile.Parse(text, fileName));

    /// <summary>Reads an order.toml of a tree.</summary>
    public static OrderFile Read(IFileTree files, string path) => From(TomlFile.Read(files, path));

    /// <summary>
    /// Puts the system's buildpacks before and behind every top-level group. One is left out when its id is in the group already, whatever its version
    /// (platform.md §system.toml).
    /// </summary>
    public OrderFile Merge(SystemFile? system) => system is null ? this : this with { Order = [.. Order.Select(group => Merge(group, system))] };

    private static OrderFile From(TomlTable document) =>
        new(OrderReader.Groups(document, "order", ModuleKind.Buildpack), OrderReader.Groups(document, "order-extensions", ModuleKind.Extension));

    private static OrderGroup Merge(OrderGroup group, SystemFile system)
    {
        var ids = group.Elements.Select(e => e.Id).ToHashSet(StringComparer.Ordinal);
        return new OrderGroup([.. system.Pre.Where(e => !ids.Contains(e.Id)), .. group.Elements, .. system.Post.Where(e => !ids.Contains(e.Id))]);
    }
}
