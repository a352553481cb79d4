using Grid.Buildpacks;

namespace Grid.Lifecycle.Build;

/// <summary>What the build phase runs.</summary>
/// <param name="Environment">Directories, user, target.</param>
/// <param name="Group">Buildpacks in order; the extensions are only noted.</param>
/// <param name="Plan">The plan without what extensions already provided.</param>
public sealed record BuildInput(PhaseEnvironment Environment, Group Group, BuildPlan Plan)
{
    /// <summary>Names of variables set by ENV of a build.Dockerfile that buildpacks shall see beyond the specification's list (off by default).</summary>
    public IReadOnlyList<string> ExtraEnvNames { get; init; } = [];
}
