namespace Grid.Buildpacks;

/// <summary>Buildpacks and extensions are separate name spaces: the same id may stand in both.</summary>
public enum ModuleKind
{
    Buildpack = 0,
    Extension = 1,
}

/// <summary>One element of a group that passed detection, as in group.toml (platform.md §group.toml).</summary>
public sealed record GroupElement(ModuleKind Kind, string Id, string Version, string Api)
{
    public string? Homepage { get; init; }

    /// <summary>The id as it stands in file names: "/" becomes "_".</summary>
    public string EscapedId => Id.Replace('/', '_');

    public override string ToString() => Id + "@" + Version;
}

/// <summary>The buildpacks and extensions that take part in a build, each in order.</summary>
public sealed record Group(IReadOnlyList<GroupElement> Buildpacks, IReadOnlyList<GroupElement> Extensions);

/// <summary>The plan: who was asked to provide what (platform.md §plan.toml). Entries are in the order their first provider came.</summary>
public sealed record BuildPlan(IReadOnlyList<PlanEntry> Entries);

/// <summary>Dependencies that these providers may all provide; the first that does takes them.</summary>
public sealed record PlanEntry(IReadOnlyList<PlanProvider> Providers, IReadOnlyList<PlanRequire> Requires);

/// <summary>A module that offered to provide.</summary>
public sealed record PlanProvider(string Id, string Version, ModuleKind Kind = ModuleKind.Buildpack);

/// <summary>A dependency by name, with free metadata kept as a TOML table (dates, integers and floats survive).</summary>
public sealed record PlanRequire(string Name)
{
    /// <summary>The requirer's metadata as the text of a TOML document; empty when there is none. TOML text, since JSON would lose types.</summary>
    public string MetadataToml { get; init; } = "";
}

/// <summary>What the run image is: buildpacks' and extensions' targets are matched against it.</summary>
public sealed record Target(string Os, string Arch)
{
    public string? Variant { get; init; }

    public string? DistroName { get; init; }

    public string? DistroVersion { get; init; }

    /// <summary>Label <c>io.buildpacks.base.id</c> of the run image.</summary>
    public string? Id { get; init; }
}
