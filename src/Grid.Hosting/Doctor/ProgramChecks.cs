namespace Grid.Hosting.Doctor;

/// <summary>Programs that a worker starts besides those of sandboxes. Grid works without each of them, but for what it is needed for.</summary>
internal static class ProgramChecks
{
    /// <summary>The programs of git sources.</summary>
    /// <param name="path">Directories that are looked through, as in <c>PATH</c>.</param>
    public static IEnumerable<Finding> Of(string path) =>
    [
        Check(path, "git", "source in git repositories", "git"),
        Check(path, "ssh", "git repositories that are reached by ssh", "openssh-client"),
        // A worker that is root gives git's processes away to a user without rights.
        Check(path, "setpriv", "source in git repositories", "util-linux"),
    ];

    private static Finding Check(string path, string program, string purpose, string package) =>
        path.Split(':', StringSplitOptions.RemoveEmptyEntries).Select(directory => Path.Combine(directory, program)).FirstOrDefault(File.Exists) is { } file
            ? Finding.Ok(program, file)
            : Finding.Advice(program, $"not there; it is needed for {purpose}", $"apt-get install {package}");
}
