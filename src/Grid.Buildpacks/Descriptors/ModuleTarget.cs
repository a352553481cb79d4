using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Descriptors;

/// <summary>A distribution a module supports; an empty field matches anything.</summary>
public sealed record ModuleDistro(string Name, string Version);

/// <summary>A target a module supports (buildpack.md §Targets); an empty field matches anything.</summary>
public sealed record ModuleTarget(string Os, string Arch)
{
    public string Variant { get; init; } = "";

    public IReadOnlyList<ModuleDistro> Distros { get; init; } = [];

    /// <summary>Whether an image of this target suits. Where either side says nothing, it does.</summary>
    public bool Matches(Target target) =>
        Same(Os, target.Os) && Same(Arch, target.Arch) && Same(Variant, target.Variant)
        && (Distros.Count == 0 || Distros.Any(d => Same(d.Name, target.DistroName) && Same(d.Version, target.DistroVersion)));

    public override string ToString()
    {
        var platform = string.Join('/', new[] { Os, Arch, Variant }.Where(p => p.Length > 0));
        var distros = string.Join(" or ", Distros.Select(d => $"{d.Name} {d.Version}".Trim()));
        return distros.Length == 0 ? platform : $"{platform} ({distros})";
    }

    internal static IReadOnlyList<ModuleTarget> ReadAll(TomlTable document) => [.. document.GetTables("targets").Select(Read)];

    // The reference says arch-variant, the specification variant (row 6).
    private static ModuleTarget Read(TomlTable table) => new(table.GetString("os") ?? "", table.GetString("arch") ?? "")
    {
        Variant = table.GetString("variant") ?? table.GetString("arch-variant") ?? "",
        Distros = [.. table.GetTables("distros").Concat(table.GetTables("distributions")).Select(d => new ModuleDistro(d.GetString("name") ?? "", d.GetString("version") ?? ""))],
    };

    private static bool Same(string wanted, string? actual) => wanted.Length == 0 || string.IsNullOrEmpty(actual) || wanted == actual;
}
