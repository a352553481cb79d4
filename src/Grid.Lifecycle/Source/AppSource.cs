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

    /// <summary>Packs the directory into the store.</summary>
    /// <exception cref="Buildpacks.Toml.TomlFormatException">project.toml cannot be read.</exception>
    /// <exception cref="FormatException">.gridignore cannot be read.</exception>
    /// <exception cref="InvalidDataException">There is something that is no file, directory or link.</exception>
    public static Layer Pack(ContentStore store, string directory, CancellationToken cancellationToken)
    {
        var project = ReadIfExists(directory, ProjectFile.FileName) is { } text ? ProjectFile.Parse(text, Path.Combine(directory, ProjectFile.FileName)) : new ProjectFile();
        var ignored = ReadIfExists(directory, IgnoreFileName) is { } lines ? IgnoreFile.Parse(lines, IgnoreFileName) : null;
        if (project is { Include: null, Exclude: null } && ignored is null)
            return SourceArchive.Pack(store, directory, (_, _) => true, cancellationToken);
        var kept = new HashSet<string>(StringComparer.Ordinal);
        new Walk(new RootedDirectory(directory), project, ignored, kept, cancellationToken).Keeps("");
        return SourceArchive.Pack(store, directory, (path, _) => kept.Contains(path), cancellationToken);
    }

    private static string? ReadIfExists(string directory, string name)
    {
        var path = Path.Combine(directory, name);
        return File.Exists(path) ? File.ReadAllText(path) : null;
    }

    /// <summary>Finds what is kept. A directory is when it is kept itself, or something in it.</summary>
    private sealed class Walk(RootedDirectory files, ProjectFile project, IgnoreFile? ignored, HashSet<string> kept, CancellationToken cancellationToken)
    {
        /// <summary>Whether something in the directory is kept; its path ends with "/", or is empty for the root.</summary>
        public bool Keeps(string directory)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var any = false;
            foreach (var file in files.List("/" + directory))
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
