using Grid.Buildpacks.Launch;
using Grid.Buildpacks.Sbom;

namespace Grid.Buildpacks.Metadata;

/// <summary>What the build phase found out: who built, and how the app is started. Becomes <c>config/metadata.toml</c> and a label.</summary>
public sealed record BuildMetadata
{
    public IReadOnlyList<GroupElement> Buildpacks { get; init; } = [];

    public IReadOnlyList<GroupElement> Extensions { get; init; } = [];

    /// <summary>All labels of all buildpacks, in order; the last one of a name counts.</summary>
    public IReadOnlyList<LaunchLabel> Labels { get; init; } = [];

    /// <summary>One of each type, sorted by type.</summary>
    public IReadOnlyList<LaunchProcess> Processes { get; init; } = [];

    public IReadOnlyList<LaunchSlice> Slices { get; init; } = [];

    /// <summary>The process type the buildpacks want to be the default, or empty.</summary>
    public string DefaultProcessType { get; init; } = "";

    /// <summary>Entries of the deprecated <c>[[bom]]</c> (Buildpack API below 0.9).</summary>
    public IReadOnlyList<BillOfMaterialsEntry> Bom { get; init; } = [];
}
