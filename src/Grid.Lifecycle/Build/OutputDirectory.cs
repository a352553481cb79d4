using Grid.Buildpacks;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Build;

/// <summary>
/// Makes directories and files in the layers directory for ourselves. Buildpacks own that directory and could have put links where we write; we have more
/// rights than they, so no link is followed there.
/// </summary>
internal static class OutputDirectory
{
    private const int DirectoryMode = 0x1ED; // 0755
    private const int FileMode = 0x1A4; // 0644

    /// <summary>Makes a file, with the directories above it up to the layers directory.</summary>
    /// <param name="files">The build's tree.</param>
    /// <param name="environment">Has the layers directory and the owner.</param>
    /// <param name="relativePath">Path below the layers directory.</param>
    /// <exception cref="IOException">Something else than a directory is on the way.</exception>
    public static Stream CreateFile(IFileTree files, PhaseEnvironment environment, string relativePath)
    {
        var owner = new Owner(environment.User.UserId, environment.User.GroupId);
        var path = environment.LayersDirectory;
        var parts = relativePath.Split('/');
        foreach (var part in parts[..^1])
        {
            path += "/" + part;
            if (files.Stat(path, followLinks: false) is not { } entry)
                files.CreateDirectory(path, DirectoryMode, owner);
            else if (!entry.IsDirectory)
                throw new IOException($"'{path}' is a {entry.Kind} where the lifecycle keeps a directory; no buildpack may put anything there");
        }
        path += "/" + parts[^1];
        files.Delete(path);
        return files.CreateFile(path, FileMode, owner);
    }

    /// <summary>Whether a directory below the layers directory is there, without a link on the way.</summary>
    public static bool Exists(IFileTree files, PhaseEnvironment environment, string relativePath)
    {
        var path = environment.LayersDirectory;
        foreach (var part in relativePath.Split('/'))
        {
            path += "/" + part;
            if (files.Stat(path, followLinks: false) is not { IsDirectory: true })
                return false;
        }
        return true;
    }
}
