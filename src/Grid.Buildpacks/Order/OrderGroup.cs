using Grid.Buildpacks.Descriptors;

namespace Grid.Buildpacks.Order;

/// <summary>One element of an order's group (platform.md §order.toml; buildpack.md §buildpack.toml for composites).</summary>
public sealed record OrderElement(ModuleKind Kind, string Id, string Version)
{
    /// <summary>Whether the group can pass without it. Extensions always are optional.</summary>
    public bool Optional { get; init; }

    /// <summary>The execution environments it takes part in; empty means all.</summary>
    public IReadOnlyList<string> ExecEnvs { get; init; } = [];

    /// <summary>Whether it takes part in an execution environment.</summary>
    public bool RunsIn(string execEnv) => ExecEnvList.Admits(ExecEnvs, execEnv);

    public override string ToString() => Id + "@" + Version;
}

/// <summary>Elements that are tried together.</summary>
public sealed record OrderGroup(IReadOnlyList<OrderElement> Elements);
