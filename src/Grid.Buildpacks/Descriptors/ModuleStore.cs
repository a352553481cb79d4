using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Descriptors;

/// <summary>
/// The modules of a builder: <c>&lt;dir&gt;/&lt;id with "/" as "_"&gt;/&lt;version&gt;</c> (platform.md §Buildpacks directory layout). Each descriptor is read once.
/// Not safe for concurrent use.
/// </summary>
public sealed class ModuleStore(IFileTree files, string buildpacksDirectory, string extensionsDirectory)
{
    // Directories of the lifecycle's own stand beside those of buildpacks (buildpack.md §buildpack.toml).
    private static readonly string[] ReservedIds = ["app", "config", "generated", "sbom"];

    private readonly Dictionary<(ModuleKind Kind, string Id, string Version), ModuleDescriptor> _read = [];

    /// <summary>The module's descriptor.</summary>
    /// <exception cref="LifecycleException">It is not in the builder or its descriptor is malformed (exit code 1), or its API is not supported (12).</exception>
    public ModuleDescriptor Find(ModuleKind kind, string id, string version)
    {
        if (_read.TryGetValue((kind, id, version), out var known))
            return known;
        var name = kind == ModuleKind.Buildpack ? "buildpack" : "extension";
        if (ReservedIds.Contains(id))
            throw new LifecycleException(ExitCode.Failed, $"{name} {id}@{version}: the id '{id}' is reserved for the lifecycle; give the {name} another one");
        var directory = DirectoryOf(kind, id, version);
        if (directory is null || files.Stat($"{directory}/{name}.toml") is null)
            throw new LifecycleException(ExitCode.Failed, $"{name} {id}@{version} is not in the builder: there is no {directory ?? "directory for it"}; add it to the builder or correct the order");
        var descriptor = Read(kind, directory);
        if (!descriptor.Api.IsSupportedBuildpack)
        {
            var (first, last) = ApiVersion.SupportedBuildpack;
            throw new LifecycleException(ExitCode.IncompatibleBuildpackApi, $"{name} {id}@{version} needs Buildpack API {descriptor.Api}; supported are {first} to {last}");
        }
        return _read[(kind, id, version)] = descriptor;
    }

    /// <summary>The descriptor of a group's element.</summary>
    public ModuleDescriptor Find(GroupElement element) => Find(element.Kind, element.Id, element.Version);

    private ModuleDescriptor Read(ModuleKind kind, string directory)
    {
        try
        {
            return ModuleDescriptor.Read(files, kind, directory);
        }
        catch (TomlFormatException problem)
        {
            throw new LifecycleException(ExitCode.Failed, problem.Message, problem);
        }
    }

    // A version is one path segment; an id is made one. "." and ".." would name other directories.
    private string? DirectoryOf(ModuleKind kind, string id, string version)
    {
        var segment = id.Replace('/', '_');
        if (segment is "" or "." or ".." || version is "" or "." or ".." || version.Contains('/') || segment.Contains('\0') || version.Contains('\0'))
            return null;
        return $"{(kind == ModuleKind.Buildpack ? buildpacksDirectory : extensionsDirectory).TrimEnd('/')}/{segment}/{version}";
    }
}
