using System.Text;
using Grid.Buildpacks;
using Grid.Buildpacks.Layers;
using Grid.Buildpacks.Metadata;
using Grid.Buildpacks.Sbom;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Build;

/// <summary>Brings the buildpacks' SBOMs together in <c>&lt;layers&gt;/sbom</c>, by what becomes of the thing they describe (platform.md §SBOM).</summary>
internal static class SbomCollector
{
    /// <summary>Copies one buildpack's files.</summary>
    /// <exception cref="LifecycleException">Exit code 52: a format buildpack.toml does not declare, or none that exists.</exception>
    public static void Collect(
        IFileTree files, PhaseEnvironment environment, GroupElement buildpack, IReadOnlyList<string> declared, IReadOnlyList<BuildpackLayer> layers, IPhaseLog log)
    {
        var from = BuildpackLayers.DirectoryOf(environment.LayersDirectory, buildpack);
        foreach (var entry in files.List(from).Where(entry => !entry.IsDirectory))
        {
            if (SbomFiles.Parse(entry.Name) is not { } sbom)
                continue;
            if (!entry.IsFile)
                throw new LifecycleException(ExitCode.BuildError, $"buildpack {buildpack}: SBOM '{entry.Name}' is a {entry.Kind}; it must be a regular file");
            if (!declared.Contains(sbom.MediaType))
            {
                throw new LifecycleException(
                    ExitCode.BuildError, $"buildpack {buildpack}: SBOM '{entry.Name}' has the undeclared media type '{sbom.MediaType}'; add it to sbom-formats in buildpack.toml");
            }
            var kinds = Kinds(sbom, layers.FirstOrDefault(layer => layer.Name == sbom.Owner)?.Toml).ToList();
            if (kinds.Count == 0)
                log.Warn($"{buildpack}: SBOM '{entry.Name}' belongs to no layer that is kept and is left out");
            foreach (var kind in kinds)
            {
                var directory = $"sbom/{kind}/{buildpack.EscapedId}" + (sbom.IsLaunch || sbom.IsBuild ? "" : "/" + sbom.Owner);
                using var source = files.OpenRead($"{from}/{entry.Name}");
                using var target = OutputDirectory.CreateFile(files, environment, $"{directory}/sbom.{sbom.Extension}");
                source.CopyTo(target);
            }
        }
    }

    /// <summary>Writes the file for the deprecated bill of materials; it is always there, as <c>null</c> when nobody wrote one.</summary>
    public static void WriteLegacy(IFileTree files, PhaseEnvironment environment, string kind, IReadOnlyList<BillOfMaterialsEntry> entries)
    {
        var text = entries.Count == 0 ? "null" : LabelJson.Write(entries);
        using var file = OutputDirectory.CreateFile(files, environment, $"sbom/{kind}/sbom.legacy.json");
        file.Write(Encoding.UTF8.GetBytes(text + "\n"));
    }

    private static IEnumerable<string> Kinds(SbomFile sbom, LayerToml? layer)
    {
        if (sbom.IsLaunch || layer is { Launch: true })
            yield return "launch";
        if (sbom.IsBuild || layer is { Launch: false })
            yield return "build";
        if (layer is { Cache: true })
            yield return "cache";
    }
}
