using Grid.Api.Secrets;
using Grid.Client.Models;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Api.Builds;

/// <summary>Turns what was sent into a request of the grid's own, or says everything that is wrong with it.</summary>
internal static class Submissions
{
    private const int MaxEnvironment = 1000;
    private const int MaxTags = 100;

    public static BuildRequest ToRequest(string tenant, BuildSubmission submission, TenantSettings settings)
    {
        var errors = new Dictionary<string, string[]>();
        var image = Image(submission.Image, "image", errors);
        var tags = submission.Tags.Take(MaxTags).Select((t, n) => Image(t, $"tags[{n}]", errors)).ToList();
        if (submission.Tags.Count > MaxTags)
            errors["tags"] = [$"at most {MaxTags}"];
        if (image is not null && tags.Find(t => t is not null && t.Registry != image.Registry) is { } other)
            errors["tags"] = [$"{other} is not on the registry of {image} ({image.Registry})"];
        var app = submission.App ?? image?.Repository ?? "";
        if (image is not null && !Names.IsApp(app))
            errors["app"] = [Names.AppRule];
        var extension = SubmittedExtensions.Read(submission, errors);
        var rebase = ReadRebase(submission, errors);
        if (submission.Builder is not null)
            Image(submission.Builder, "builder", errors);
        else if (extension is null && rebase is null)
            errors["builder"] = ["the builder image; or extension or rebase, when no app is built"];
        if (submission.RunImage is not null)
            Image(submission.RunImage, "runImage", errors);
        if (submission.PreviousImage is not null)
            Image(submission.PreviousImage, "previousImage", errors);
        CheckBuildId(submission.BuildId, errors);
        if (submission.SourceDateEpoch is < 0)
            errors["sourceDateEpoch"] = ["seconds since 1970"];
        if (submission.Environment.Count > MaxEnvironment)
            errors["environment"] = [$"at most {MaxEnvironment} variables"];
        Names.CheckEnvironment(submission.Environment, errors);
        foreach (var id in submission.Secrets.Where(x => !Names.IsFile(x.Key) || x.Value is not { Length: > 0 and <= SecretDesk.MaxBytes }).Select(x => x.Key))
            errors[$"secrets.{id}"] = [$"{Names.FileRule}; 1 to {SecretDesk.MaxBytes} bytes"];
        var (source, origin) = SubmittedSources.Read(submission, errors);
        Names.ThrowIfAny(errors);
        var environment = new Dictionary<string, string>(settings.Environment);
        foreach (var (name, value) in settings.AppEnvironment.GetValueOrDefault(app) ?? [])
            environment[name] = value;
        foreach (var (name, value) in submission.Environment)
            environment[name] = value;
        return new BuildRequest
        {
            Tenant = tenant,
            App = app,
            Source = source,
            Origin = origin,
            Extension = extension,
            Rebase = rebase,
            Builder = submission.Builder ?? "",
            Targets = [image!.ToString(), .. tags.Select(t => t!.ToString())],
            RunImage = submission.RunImage,
            PreviousImage = submission.PreviousImage,
            Environment = extension is null && rebase is null ? environment : [],
            BuildId = submission.BuildId,
            DefaultProcess = submission.DefaultProcess,
            RefreshExtensions = submission.RefreshExtensions,
            SourceDateEpoch = submission.SourceDateEpoch,
            Pool = submission.Pool ?? BuildRequest.DefaultPool,
            SecretIds = [.. submission.Secrets.Keys.Order(StringComparer.Ordinal)],
        };
    }

    private static ImageRebase? ReadRebase(BuildSubmission submission, Dictionary<string, string[]> errors)
    {
        if (submission.Rebase is not { } rebase)
            return null;
        RefuseAppFields(submission, "rebase", errors,
            ("buildId", submission.BuildId is not null), ("refreshExtensions", submission.RefreshExtensions), ("secrets", submission.Secrets.Count > 0));
        return new ImageRebase(rebase.Force);
    }

    /// <summary>Says what may not be given with an image that is extended or rebased: what only the build of an app has, and more.</summary>
    internal static void RefuseAppFields(BuildSubmission submission, string with, Dictionary<string, string[]> errors, params IEnumerable<(string Name, bool Given)> more)
    {
        (string Name, bool Given)[] ofApps =
        [
            ("builder", submission.Builder is not null), ("source", submission.Source is not null), ("git", submission.Git is not null), ("sourceImage", submission.SourceImage is not null),
            ("sourcePath", submission.SourcePath is not null), ("environment", submission.Environment.Count > 0), ("defaultProcess", submission.DefaultProcess is not null),
        ];
        foreach (var (name, _) in ofApps.Concat(more).Where(field => field.Given))
            errors[name] = [$"not with {with}"];
    }

    private static void CheckBuildId(string? policy, Dictionary<string, string[]> errors)
    {
        try
        {
            BuildIdPolicy.Parse(policy);
        }
        catch (FormatException e)
        {
            errors["buildId"] = [e.Message];
        }
    }

    /// <summary>A registry image: files and engines of the nodes are not a caller's to name.</summary>
    internal static ImageReference? Image(string text, string field, Dictionary<string, string[]> errors)
    {
        try
        {
            if (ImageLocation.Parse(text) is ImageLocation.Registry registry)
                return registry.Reference;
            errors[field] = [$"'{text}' is not an image in a registry"];
        }
        catch (FormatException e)
        {
            errors[field] = [e.Message];
        }
        return null;
    }
}
