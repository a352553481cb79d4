using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Generate;

/// <summary>
/// The build contexts an extension brings (image_extension.md §Context Folders, Platform API 0.13): <c>context</c> for both kinds, or
/// <c>context.build</c> and <c>context.run</c>.
/// </summary>
/// <param name="Build">Directory for build.Dockerfile; null means the app.</param>
/// <param name="Run">Directory for run.Dockerfile; null means the app.</param>
public sealed record ContextDirectories(string? Build, string? Run)
{
    /// <summary>Looks for them in an extension's output directory.</summary>
    /// <exception cref="InvalidDataException">The shared and a specific one are both there.</exception>
    public static ContextDirectories Find(IFileTree files, string outputDirectory)
    {
        var shared = Existing(files, outputDirectory + "/context");
        var build = Existing(files, outputDirectory + "/context.build");
        var run = Existing(files, outputDirectory + "/context.run");
        if (shared is not null && (build ?? run) is { } specific)
            throw new InvalidDataException($"{specific}: an image-specific context is provided together with the shared {shared}; keep one of them");
        return new ContextDirectories(build ?? shared, run ?? shared);
    }

    // A file or a link of that name is no context: a link could lead anywhere in the build image.
    private static string? Existing(IFileTree files, string path) => files.Stat(path, followLinks: false) is { IsDirectory: true } ? path : null;
}
