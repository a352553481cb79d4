using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;
using Grid.Dockerfiles.Syntax;

namespace Grid.Api.Builds;

/// <summary>An image that is to be extended by itself.</summary>
internal static class SubmittedExtensions
{
    private const int MaxDockerfiles = 100;

    /// <summary>What was sent; null when an app is to be built.</summary>
    public static ImageExtension? Read(BuildSubmission submission, Dictionary<string, string[]> errors)
    {
        if (submission.Extension is not { } extension)
            return null;
        Submissions.RefuseAppFields(submission, "extension", errors,
            ("rebase", submission.Rebase is not null), ("runImage", submission.RunImage is not null), ("previousImage", submission.PreviousImage is not null),
            ("sourceDateEpoch", submission.SourceDateEpoch is not null));
        if (submission.BuildId == "replay=last")
            errors["buildId"] = ["an image that is extended by itself belongs to no app, so there is no last build; name the build"];
        Submissions.Image(extension.Base, "extension.base", errors);
        if (extension.Dockerfiles.Count is 0 or > MaxDockerfiles)
            errors["extension.dockerfiles"] = [$"1 to {MaxDockerfiles}"];
        return new ImageExtension
        {
            Kind = extension.Kind,
            Base = extension.Base,
            Dockerfiles = [.. extension.Dockerfiles.Take(MaxDockerfiles).Select((dockerfile, n) => Dockerfile(dockerfile, extension.Kind, $"extension.dockerfiles[{n}]", errors))],
        };
    }

    private static GivenDockerfile Dockerfile(DockerfileSubmission dockerfile, ImageKind kind, string field, Dictionary<string, string[]> errors)
    {
        if (!Names.IsFile(dockerfile.Extension))
            errors[$"{field}.extension"] = [Names.FileRule];
        if (!Names.IsFile(dockerfile.File))
            errors[$"{field}.file"] = [Names.FileRule];
        try
        {
            ExtensionDockerfile.Read(dockerfile.Text, dockerfile.File, kind);
        }
        catch (DockerfileException e)
        {
            errors[$"{field}.text"] = [e.Message];
        }
        return new GivenDockerfile
        {
            Extension = dockerfile.Extension,
            FileName = dockerfile.File,
            Text = dockerfile.Text,
            Args = [.. dockerfile.Args.Select(arg => new BuildArg(arg.Name, arg.Value))],
            Context = dockerfile.Context is { } context ? SubmittedSources.Uploaded(context, $"{field}.context", errors) : null,
        };
    }
}
