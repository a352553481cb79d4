using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Descriptors;

/// <summary>The buildpacks and extensions of a builder: <c>&lt;dir&gt;/&lt;escaped id&gt;/&lt;version&gt;/</c> (platform.md §Directory layout).</summary>
public sealed class ModuleStore(IFileTree files, string buildpacksDirectory, string extensionsDirectory)
{
    private readonly Dictionary<(ModuleKind, string, string), ModuleDescriptor> _known = [];

    /// <summary>The descriptor of a module.</summary>
    /// <exception cref="LifecycleException">Exit code 1: the builder has no such module.</exception>
    /// <exception cref="TomlFormatException">Its descriptor cannot be read.</exception>
    public ModuleDescriptor Find(ModuleKind kind, string id, string version)
    {
        if (_known.TryGetValue((kind, id, version), out var known))
            return known;
        var (parent, file) = kind == ModuleKind.Buildpack ? (buildpacksDirectory, "buildpack.toml") : (extensionsDirectory, "extension.toml");
        var directory = $"{parent}/{id.Replace('/', '_')}/{version}";
        if (files.Stat($"{directory}/{file}") is null)
        {
            throw new LifecycleException(ExitCode.Failed,
                $"{kind.ToString().ToLowerInvariant()} {id}@{version} is in the order but not in the builder: there is no {directory}/{file}");
        }
        var executables = kind == ModuleKind.Buildpack ? ["bin/build"] : (string[])["bin/detect", "bin/generate"];
        return _known[(kind, id, version)] = ModuleDescriptor.Read(
            TomlFile.Read(files, $"{directory}/{file}"), kind, directory, executables.Any(e => files.Stat($"{directory}/{e}") is not null));
    }
}
