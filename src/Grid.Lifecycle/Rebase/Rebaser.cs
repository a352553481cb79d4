using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Export;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Rebase;

/// <summary>Replaces the run image below an app (platform.md §rebaser). Layers are named, not copied: a push within one registry mounts them.</summary>
public static class Rebaser
{
    /// <summary>Reads app and base, checks that they fit, and writes the rebased image to all its names.</summary>
    /// <exception cref="LifecycleException">Exit code 72: they do not fit, or the app is not one of buildpacks. Exit code 1: the named base cannot be read.</exception>
    public static async Task<ExportReport> RebaseAsync(IImageStore images, RebaseInput input, IPhaseLog log, CancellationToken cancellationToken)
    {
        var app = await FindAsync(images, input.App, input.Platform, "access image to rebase", ExitCode.RebaseError, cancellationToken);
        var label = app.Config.Config.Labels?.GetValueOrDefault(LifecycleMetadata.Label);
        var metadata = LifecycleMetadata.Read(label, out var problem);
        if (problem is not null || metadata is null)
        {
            throw new LifecycleException(ExitCode.RebaseError,
                $"get image metadata: {input.App}: {problem ?? $"it has no label {LifecycleMetadata.Label}"}; only images made by buildpacks can be rebased");
        }
        var (name, location, newBase) = await FindBaseAsync(images, input, app, metadata, log, cancellationToken);
        var content = Assemble(input, (app, input.App), (name, location, newBase), label!, metadata, log);
        return await Exporter.ExportAsync(images, content, input.Targets, log, cancellationToken);
    }

    private static ImageContent Assemble(
        RebaseInput input, (Image Image, ImageLocation Location) app, (string Name, ImageLocation Location, Image Image) newBase, string label, LifecycleMetadata metadata, IPhaseLog log)
    {
        var checks = new RebaseChecks(app.Image, newBase.Image, input.Force, log);
        checks.Run();
        if (newBase.Image.Layers.Count == 0)
            throw new LifecycleException(ExitCode.RebaseError, $"run image {newBase.Name} has no layers");
        var builder = RebasedImage.Start(app, (newBase.Image, newBase.Location), metadata.RunImage.TopLayer, input);
        var known = input.PlatformApi.IsBelow("0.12") || checks.CheckName(newBase.Name, metadata.RunImage, metadata.Stack);
        var reference = ImageIdentifier.Of(newBase.Image.Pinned(newBase.Location));
        builder.SetLabel(
            LifecycleMetadata.Label, RebasedImage.ChangeLabel(label, newBase.Image.Layers[^1].DiffId.ToString(), reference, known ? null : newBase.Name));
        return builder.Build();
    }

    private static async Task<(string Name, ImageLocation Location, Image Image)> FindBaseAsync(
        IImageStore images, RebaseInput input, Image app, LifecycleMetadata metadata, IPhaseLog log, CancellationToken cancellationToken)
    {
        var platform = new Platform(app.Config.Os, app.Config.Architecture) { Variant = string.IsNullOrEmpty(app.Config.Variant) ? null : app.Config.Variant };
        if (input.RunImage is { } wanted)
            return (wanted.Name, wanted.Location, await FindAsync(images, wanted.Location, platform, "access run image", ExitCode.Failed, cancellationToken));
        var names = !input.PlatformApi.IsBelow("0.12") && !string.IsNullOrEmpty(metadata.RunImage.Image)
            ? new RunImageNames { Image = metadata.RunImage.Image, Mirrors = metadata.RunImage.Mirrors }
            : metadata.Stack?.RunImage;
        if (names is null || string.IsNullOrEmpty(names.Image))
            throw new LifecycleException(ExitCode.RebaseError, "-run-image is required when there is no run image metadata available");
        return await BestAsync(images, input, names, platform, log, cancellationToken);
    }

    // platform.md §Run image resolution: names on the app's registry first, each group in its order.
    private static async Task<(string Name, ImageLocation Location, Image Image)> BestAsync(
        IImageStore images, RebaseInput input, RunImageNames names, Platform platform, IPhaseLog log, CancellationToken cancellationToken)
    {
        var registry = (input.App as ImageLocation.Registry)?.Reference.Registry;
        var reasons = new List<string>();
        var candidates = names.All.Select(name => (Name: name, Location: input.Locate(name)))
            .OrderBy(candidate => registry is not null && (candidate.Location as ImageLocation.Registry)?.Reference.Registry == registry ? 0 : 1);
        foreach (var (name, location) in candidates)
        {
            try
            {
                return (name, location, await FindAsync(images, location, platform, "run image", ExitCode.RebaseError, cancellationToken));
            }
            catch (LifecycleException e)
            {
                log.Debug(e.Message);
                reasons.Add(e.Message);
            }
        }
        throw new LifecycleException(ExitCode.RebaseError, $"failed to find accessible run image: {string.Join("; ", reasons)}");
    }

    private static async Task<Image> FindAsync(
        IImageStore images, ImageLocation location, Platform platform, string what, ExitCode exitCode, CancellationToken cancellationToken)
    {
        try
        {
            return await images.FindAsync(location, platform, cancellationToken)
                ?? throw new LifecycleException(exitCode, $"{what}: {location} not found; check its name and tag");
        }
        catch (Exception e) when (ImageErrors.Is(e))
        {
            throw new LifecycleException(exitCode, $"{what}: {location}: {e.Message}", e);
        }
    }
}
