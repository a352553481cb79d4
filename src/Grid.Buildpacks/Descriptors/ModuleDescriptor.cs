using Grid.Buildpacks.Order;
using Grid.Buildpacks.Toml;

namespace Grid.Buildpacks.Descriptors;

/// <summary>A buildpack.toml or extension.toml (buildpack.md §buildpack.toml, image_extension.md §extension.toml).</summary>
public sealed record ModuleDescriptor
{
    public required ModuleKind Kind { get; init; }

    /// <summary>Buildpack API it is written for.</summary>
    public required string Api { get; init; }

    public required string Id { get; init; }

    public required string Version { get; init; }

    public string? Name { get; init; }

    public string? Homepage { get; init; }

    /// <summary>Whether the user's environment is kept from its processes.</summary>
    public bool ClearEnv { get; init; }

    /// <summary>Execution environments it is for; empty or <c>*</c> means all.</summary>
    public IReadOnlyList<string> ExecEnv { get; init; } = [];

    /// <summary>Targets it supports; empty means any.</summary>
    public IReadOnlyList<ModuleTarget> Targets { get; init; } = [];

    /// <summary>Groups of a composite buildpack; empty for one that does something itself.</summary>
    public IReadOnlyList<OrderGroup> Order { get; init; } = [];

    /// <summary>Stacks, for old modules: (id, mixins).</summary>
    public IReadOnlyList<ModuleStack> Stacks { get; init; } = [];

    /// <summary>The module's directory in its tree.</summary>
    public required string Directory { get; init; }

    public bool IsComposite => Order.Count > 0;

    /// <summary>The module as a group element.</summary>
    public GroupElement ToElement() => new(Kind, Id, Version, Api) { Homepage = Homepage };

    /// <summary>Reads a descriptor.</summary>
    /// <param name="document">The parsed file.</param>
    /// <param name="kind">Which of the two files it is.</param>
    /// <param name="directory">Where the module stands in its tree.</param>
    /// <param name="hasExecutables">Whether bin/build, or for an extension bin/detect or bin/generate, is there: then it runs on Linux (spec-facts §1.4).</param>
    /// <exception cref="TomlFormatException">A key is missing or has the wrong type.</exception>
    public static ModuleDescriptor Read(TomlTable document, ModuleKind kind, string directory, bool hasExecutables)
    {
        var section = kind == ModuleKind.Buildpack ? "buildpack" : "extension";
        var info = document.GetTable(section) ?? throw document.Error(section, "is missing; want a table with id and version");
        var api = document.RequireString("api");
        var stacks = document.GetTables("stacks").Select(s => new ModuleStack(s.RequireString("id"), s.GetStrings("mixins"))).ToList();
        return new ModuleDescriptor
        {
            Kind = kind,
            Api = api,
            Id = info.RequireString("id"),
            Version = info.RequireString("version"),
            Name = info.GetString("name"),
            Homepage = info.GetString("homepage"),
            ClearEnv = info.GetBoolean("clear-env"),
            ExecEnv = ExecEnvironments(info),
            Targets = TargetRules.OrInferred([.. document.GetTables("targets").Select(ModuleTarget.Read)], stacks, api, hasExecutables),
            Order = kind == ModuleKind.Buildpack ? OrderFile.ReadGroups(document, "order", ModuleKind.Buildpack) : [],
            Stacks = stacks,
            Directory = directory,
        };
    }

    /// <summary>A list of names, or tables with a name: the specification has both (spec-facts §14 row 5).</summary>
    private static IReadOnlyList<string> ExecEnvironments(TomlTable info) =>
        info["exec-env"] is TomlArray { HoldsTables: true } ? [.. info.GetTables("exec-env").Select(t => t.RequireString("name"))] : info.GetStrings("exec-env");
}

/// <summary>A stack an old module names.</summary>
public sealed record ModuleStack(string Id, IReadOnlyList<string> Mixins);

/// <summary>One <c>[[targets]]</c> of a module; an empty field matches everything.</summary>
public sealed record ModuleTarget(string Os, string Arch, string Variant, IReadOnlyList<ModuleDistro> Distros)
{
    internal static ModuleTarget Read(TomlTable table) => new(
        table.GetString("os") ?? "",
        table.GetString("arch") ?? "",
        table.GetString("variant") ?? table.GetString("arch-variant") ?? "",
        [.. table.GetTables("distros").Select(d => new ModuleDistro(d.GetString("name") ?? "", d.GetString("version") ?? ""))]);
}

/// <summary>A distribution of a target; an empty field matches everything.</summary>
public sealed record ModuleDistro(string Name, string Version);
