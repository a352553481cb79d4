using Grid.Buildpacks;
using Grid.Buildpacks.Layers;
using Grid.Buildpacks.Sbom;
using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Export;

/// <summary>The deprecated bill of materials of what a build used, which report.toml had before Platform API 0.9.</summary>
public static class BuildBom
{
    /// <summary>The <c>[[bom]]</c> of all buildpacks' build.toml, in the order of the group.</summary>
    /// <exception cref="TomlFormatException">A build.toml is malformed.</exception>
    public static IReadOnlyList<BillOfMaterialsEntry> Read(IFileTree files, string layersDirectory, Group group) =>
    [
        .. group.Buildpacks.SelectMany(buildpack =>
            TomlFile.ReadIfExists(files, BuildpackLayers.DirectoryOf(layersDirectory, buildpack) + "/build.toml") is { } document
                ? BomTables.Read(document, buildpack, [])
                : []),
    ];
}
