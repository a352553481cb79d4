using Grid.Buildpacks;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Source;

/// <summary>Source that was fetched and packed.</summary>
/// <param name="Archive">The archive, in the content store.</param>
/// <param name="ProjectMetadata">The text of project-metadata.toml (platform.md §project-metadata.toml).</param>
public sealed record PackedSource(Layer Archive, string ProjectMetadata);

/// <summary>The app within source that a stranger made.</summary>
internal static class SourceTree
{
    /// <summary>The directory to pack: empty for all of the tree. A link on the way to it is refused: it could lead anywhere in the tree.</summary>
    /// <exception cref="LifecycleException">There is no such directory.</exception>
    public static string Of(IFileTree files, string path, string origin)
    {
        var directory = "";
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            directory = $"{directory}/{part}";
            if (files.Stat(directory, followLinks: false) is not { IsDirectory: true })
                throw new LifecycleException(ExitCode.InvalidArgs, $"{origin} has no directory {path}");
        }
        return directory;
    }
}
