using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Lifecycle.Source;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Api.Builds;

/// <summary>The three ways to name a build's source, of which one is given.</summary>
internal static class SubmittedSources
{
    private const int MaxKnownHosts = 64 * 1024;

    /// <summary>The source that was uploaded, or where a node gets it; neither when no app is built.</summary>
    public static (Layer Source, SourceOrigin? Origin) Read(BuildSubmission submission, Dictionary<string, string[]> errors)
    {
        if (submission.Extension is not null || submission.Rebase is not null)
            return (BuildRequest.NoSource, null);
        if (new object?[] { submission.Source, submission.Git, submission.SourceImage }.Count(s => s is not null) != 1)
        {
            errors["source"] = ["exactly one of source, git and sourceImage"];
            return (BuildRequest.NoSource, null);
        }
        if (submission.SourcePath is { } path && (submission.Source is not null || !GitUrl.IsPath(path)))
            errors["sourcePath"] = ["a directory of the repository or of the source image: relative, with '/', and without '..'"];
        if (submission.Source is { } upload)
            return (Uploaded(upload, "source", errors), null);
        if (submission.SourceImage is { } image)
            Submissions.Image(image, "sourceImage", errors);
        return (BuildRequest.NoSource, new SourceOrigin { Git = submission.Git is { } git ? Git(git, errors) : null, Image = submission.SourceImage, Path = submission.SourcePath ?? "" });
    }

    private static GitOrigin Git(GitSource git, Dictionary<string, string[]> errors)
    {
        try
        {
            GitUrl.Parse(git.Url);
        }
        catch (FormatException e)
        {
            errors["git.url"] = [e.Message];
        }
        if (git.Revision is { } revision && !GitUrl.IsRevision(revision))
            errors["git.revision"] = ["the name of a branch or a tag, or a commit"];
        if (git.Secret is { } secret && !Names.IsFile(secret))
            errors["git.secret"] = [Names.FileRule];
        if (git.KnownHosts is { Length: > MaxKnownHosts })
            errors["git.knownHosts"] = [$"at most {MaxKnownHosts} characters"];
        return new GitOrigin { Url = git.Url, Revision = git.Revision, Secret = git.Secret, KnownHosts = git.KnownHosts };
    }

    /// <summary>An archive that was uploaded.</summary>
    internal static Layer Uploaded(SourceUpload upload, string field, Dictionary<string, string[]> errors)
    {
        if (!Digest.TryParse(upload.Digest, out var digest))
            errors[$"{field}.digest"] = ["sha256: and 64 hexadecimal digits"];
        if (!Digest.TryParse(upload.DiffId, out var diffId))
            errors[$"{field}.diffId"] = ["sha256: and 64 hexadecimal digits"];
        if (upload.Size <= 0)
            errors[$"{field}.size"] = ["the archive's bytes"];
        return new Layer(new Descriptor(upload.MediaType, digest, upload.Size), diffId);
    }
}
