using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Order;

/// <summary>Reads groups wherever they stand: order.toml, system.toml and composite buildpacks.</summary>
internal static class OrderReader
{
    public static IReadOnlyList<OrderGroup> Groups(TomlTable document, string key, ModuleKind kind) =>
        [.. document.GetTables(key).Select(group => new OrderGroup([.. group.GetTables("group").Select(element => Element(element, kind))]))];

    public static OrderElement Element(TomlTable table, ModuleKind kind) => new(kind, table.RequireString("id"), table.RequireString("version"))
    {
        Optional = kind == ModuleKind.Extension || table.GetBoolean("optional"),
        ExecEnvs = ExecEnvList.Read(table),
    };
}
