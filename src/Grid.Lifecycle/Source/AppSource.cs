using Grid.Buildpacks.Projects;
using Grid.Dockerfiles.Context;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Source;

/// <summary>
/// Packs an app's directory for a build. What belongs to it is said by the app: <c>project.toml</c> includes or excludes as for pack, and
/// <c>.gridignore</c> excludes with the syntax of .dockerignore. Equal sources have one digest.
/// </summary>
public static class AppSource
{
    /// <summary>The file that excludes, beside or instead of a project.toml.</summary>
    public const string IgnoreFileName = ".gridignore";

    /// <summary>Bytes that a file may have which says what belongs to the app.</summary>
    private const int MaxRuleBytes = 1024 * 1024;

    /// <summary>Packs a directory of the host into the store.</summary>
    /// <exception cref="Buildpacks.Toml.TomlFormatException">project.toml cannot be read.</exception>
    /// <exception cref="FormatException">.gridignore cannot be read.</exception>
    /// <exception cref="InvalidDataException">There is something that is no file, directory or link.</exception>
    public static Layer Pack(ContentStore store, string directory, CancellationToken cancellationToken) => Pack(store, new RootedDirectory(directory), "", directory, cancellationToken);

    /// <summary>Packs a directory of a tree that a stranger may have made: no link in it leads out of the tree.</summary>
    /// <param name="store">Where the archive goes.</param>
    /// <param name="files">The tree.</param>
    /// <param name="directory">The app's directory in it: empty for the root, else with a slash before and none behind.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static Layer Pack(ContentStore store, IFileTree files, string directory, CancellationToken cancellationToken) => Pack(store, files, directory, "the source", cancellationToken);

    private static Layer Pack(ContentStore store, IFileTree files, string directory, string origin, CancellationToken cancellationToken)
    {
        var project = ReadIfExists(files, directory, ProjectFile.FileName) is { } text ? ProjectFile.Parse(text, Path.Combine(origin, ProjectFile.FileName)) : new ProjectFile();
        var ignored = ReadIfExists(files, directory, IgnoreFileName) is { } lines ? IgnoreFile.Parse(lines, IgnoreFileName) : null;
        if (project is { Include: null, Exclude: null } && ignored is null)
            return SourceArchive.Pack(store, files, directory + "/", (_, _) => true, cancellationToken);
        var kept = new HashSet<string>(StringComparer.Ordinal);
        new Walk(files, directory + "/", project, ignored, kept, cancellationToken).Keeps("");
        return SourceArchive.Pack(store, files, directory + "/", (path, _) => kept.Contains(path), cancellationToken);
    }

    private static string? ReadIfExists(IFileTree files, string directory, string name)
    {
        var path = $"{directory}/{name}";
        if (files.Stat(path) is not { } found)
            return null;
        if (found is not { IsFile: true, Size: <= MaxRuleBytes })
            throw new FormatException($"{name} is no file of at most {MaxRuleBytes} bytes");
        using var reader = new StreamReader(files.OpenRead(path));
        return reader.ReadToEnd();
    }

    /// <summary>Finds what is kept. A directory is when it is kept itself, or something in it.</summary>
    private sealed class Walk(IFileTree files, string root, ProjectFile project, IgnoreFile? ignored, HashSet<string> kept, CancellationToken cancellationToken)
    {
        /// <summary>Whether something in the directory is kept; its path ends with "/", or is empty for the root.</summary>
        public bool Keeps(string directory)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var any = false;
            foreach (var file in files.List(root + directory))
            {
                var path = directory + file.Name;
                var wanted = IsWanted(path, file.IsDirectory);
                // Looking into a directory that is excluded for good would cost, and node_modules is large.
                var inside = file.IsDirectory && (wanted || MayTakeBack) && Keeps(path + "/");
                if ((wanted || inside) && kept.Add(path))
                    any = true;
            }
            return any;
        }

        /// <summary>Whether something below an unwanted directory may be wanted.</summary>
        private bool MayTakeBack => project.Include is not null || project.Exclude is { TakesBack: true } || ignored is { TakesBack: true };

        private bool IsWanted(string path, bool isDirectory) =>
            ignored?.Matches(path) != true && project.Exclude?.Matches(path, isDirectory) != true && project.Include?.Matches(path, isDirectory) != false;
    }
}
