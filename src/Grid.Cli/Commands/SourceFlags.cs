using System.CommandLine;
using Grid.Buildpacks;
using Grid.Contracts.Builds;
using Grid.Lifecycle.Source;
using Grid.Oci;

namespace Grid.Cli.Commands;

/// <summary>Flags that name source which is not in a directory here; whoever builds, fetches it.</summary>
internal static class SourceFlags
{
    public static readonly Option<string?> Git = new("--git") { Description = "Build a git repository instead of a directory: https://HOST/PATH, ssh://USER@HOST/PATH or USER@HOST:PATH" };
    public static readonly Option<string?> Revision = new("--revision") { Description = "Branch, tag or commit of the repository (default: its default branch)" };
    public static readonly Option<string?> Secret = new("--git-secret") { Description = "Id of the secret to sign in with ('grid secret set', or --secret): lines of git's credential store, or a private key for ssh" };
    public static readonly Option<FileInfo?> KnownHosts = new("--git-known-hosts") { Description = "For ssh: a known_hosts file with the host's keys" };
    public static readonly Option<string?> Image = new("--source-image") { Description = "Build the files of an image in a registry instead of a directory" };
    public static readonly Option<string?> Path = new("--source-path") { Description = "Directory of the repository, or of the source image, that is the app" };

    /// <summary>What they name; null when they are not used.</summary>
    /// <exception cref="LifecycleException">A value cannot be used, or some do not go together.</exception>
    public static SourceOrigin? Read(ParseResult parsed)
    {
        var (git, image, path) = (parsed.GetValue(Git), parsed.GetValue(Image), parsed.GetValue(Path));
        if (git is not null && image is not null)
            throw new LifecycleException(ExitCode.InvalidArgs, "--git and --source-image: name one of them");
        if (git is null && (parsed.GetValue(Revision) ?? parsed.GetValue(Secret) ?? parsed.GetValue(KnownHosts)?.FullName) is not null)
            throw new LifecycleException(ExitCode.InvalidArgs, "--revision, --git-secret and --git-known-hosts go with --git");
        if (git is null && image is null)
            return path is null ? null : throw new LifecycleException(ExitCode.InvalidArgs, "--source-path goes with --git or --source-image; without them name the directory itself");
        if (path is not null && !GitUrl.IsPath(path))
            throw new LifecycleException(ExitCode.InvalidArgs, $"--source-path {path}: want a relative directory with '/', and without '..'");
        if (parsed.GetValue(Revision) is { } revision && !GitUrl.IsRevision(revision))
            throw new LifecycleException(ExitCode.InvalidArgs, $"--revision '{revision}' is no name of a branch or tag, and no commit");
        return new SourceOrigin
        {
            Git = git is null ? null : new GitOrigin
            {
                Url = GridFlags.Read("--git", git, GitUrl.Parse).ToString(), Revision = parsed.GetValue(Revision), Secret = parsed.GetValue(Secret),
                KnownHosts = parsed.GetValue(KnownHosts) is { } file ? File.ReadAllText(file.FullName) : null,
            },
            Image = image is null ? null : GridFlags.Read("--source-image", image, ImageLocation.Parse).ToString(),
            Path = path ?? "",
        };
    }
}
