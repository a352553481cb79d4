using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Sbom;
using Grid.Lifecycle.Build;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Export;

/// <summary>Puts SBOMs of the lifecycle and of its launcher among those of the build (platform.md §exporter, from Platform API 0.11).</summary>
internal static class LifecycleSboms
{
    private const string Build = "sbom/build/buildpacksio_lifecycle";
    private const string Launch = "sbom/launch/buildpacksio_lifecycle/launcher";

    /// <summary>Copies what there is. The launcher's only when it is the builder's launcher that becomes part of the app.</summary>
    public static void Copy(IFileTree files, PackInput input, bool usesBuilderLauncher)
    {
        if (input.Environment.PlatformApi.IsBelow("0.11"))
            return;
        foreach (var extension in SbomFiles.Extensions)
            CopyFile(files, input, $"{PackInput.DefaultSbomDirectory}/lifecycle.sbom.{extension}", $"{Build}/sbom.{extension}");
        if (!usesBuilderLauncher)
            return;
        if (input.LifecycleSbomDirectory == PackInput.DefaultSbomDirectory)
        {
            foreach (var extension in SbomFiles.Extensions)
                CopyFile(files, input, $"{input.LifecycleSbomDirectory}/launcher.sbom.{extension}", $"{Launch}/sbom.{extension}");
            return;
        }
        // A directory the platform names: as the reference, whatever looks like an SBOM, under its own name.
        if (files.Stat(input.LifecycleSbomDirectory) is not { IsDirectory: true })
            return;
        foreach (var file in files.List(input.LifecycleSbomDirectory).Where(file => file.IsFile && SbomFiles.Extensions.Any(e => file.Name.EndsWith("sbom." + e, StringComparison.Ordinal))))
            CopyFile(files, input, $"{input.LifecycleSbomDirectory}/{file.Name}", $"{Launch}/{file.Name}");
    }

    private static void CopyFile(IFileTree files, PackInput input, string from, string to)
    {
        if (files.Stat(from) is not { IsFile: true })
            return;
        using var source = files.OpenRead(from);
        using var target = OutputDirectory.CreateFile(files, input.Environment, to);
        source.CopyTo(target);
    }
}
