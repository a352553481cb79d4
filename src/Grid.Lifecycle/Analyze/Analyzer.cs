using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Analyze;

/// <summary>
/// The analyze phase (platform.md §analyzer): may we read and write everything this build needs, and which images are they exactly? Nothing runs before
/// this has passed, so missing credentials cost nobody a build.
/// </summary>
public static class Analyzer
{
    /// <summary>Checks access, chooses the run image and pins all images by digest.</summary>
    /// <exception cref="LifecycleException">Exit code 32; the message names the image.</exception>
    public static async Task<AnalyzeResult> AnalyzeAsync(ImageStores images, AnalyzeInput input, IPhaseLog log, CancellationToken cancellationToken)
    {
        if (input.Targets.Count == 0)
            throw new LifecycleException(ExitCode.InvalidArgs, "no image name was given; say where the app image shall go");
        RefuseOverwriting(input.Targets, input.Builder, "the builder");
        if (input.RunImage is not null)
            RefuseOverwriting(input.Targets, input.RunImage, "the run image");
        // Independent of each other. Of several failures the refused write is told: it comes first in the list.
        var writable = CheckWriteAsync(images, input.Targets, cancellationToken);
        var finding = FindBuilderAsync(images, input, cancellationToken);
        var previous = FindPreviousAsync(images, input.PreviousImage ?? input.Targets[0], input.Platform, log, cancellationToken);
        await Task.WhenAll(writable, finding, previous);
        var builder = await finding;
        var label = BuilderLabel.Read(builder);
        var user = BuilderLabel.ReadUser(builder);
        foreach (var name in label.RunImages.SelectMany(names => names.All))
            RefuseOverwriting(input.Targets, name, "a run image of the builder");
        var choice = new RunImageChoice(images, input.Platform, ExitCode.AnalyzeError, log);
        var (runName, run, metadata) = await ChooseRunImageAsync(choice, input, builder, label, cancellationToken);
        var previousImage = await previous;
        log.Debug($"Run image: {run.Location}");
        return new AnalyzeResult
        {
            Builder = builder,
            RunImage = run,
            RunImageName = runName,
            RunImageMetadata = metadata,
            KnownRunImages = label.RunImages,
            Previous = previousImage,
            PreviousMetadata = ReadMetadata(previousImage, log),
            Target = run.ToTarget(),
            User = user,
            LifecycleLauncherNote = label.Lifecycle?.Version,
        };
    }

    /// <summary>Pins an image that is extended by itself, and checks that the result can be written.</summary>
    /// <exception cref="LifecycleException">There is no such image, or a target cannot be written.</exception>
    public static async Task<PinnedImage> PinAsync(ImageStores images, ImageLocation image, IReadOnlyList<ImageLocation> targets, Platform platform, CancellationToken cancellationToken)
    {
        var writable = CheckWriteAsync(images, targets, cancellationToken);
        var finding = images.FindAsync(image, platform, cancellationToken);
        await Task.WhenAll(writable, finding);
        return await finding is { } found
            ? PinnedImage.From(found, image)
            : throw new LifecycleException(ExitCode.ExtendError, $"there is no image {image}; check the name, or pull it first");
    }

    /// <summary>The result with another run image: an extension's run.Dockerfile asked for it. It is pinned like the first one, with its own target.</summary>
    /// <exception cref="LifecycleException">Exit code 42 (where the reference finds out): it cannot be read, or a target of the build would overwrite it.</exception>
    public static async Task<AnalyzeResult> SwitchRunImageAsync(
        ImageStores images, AnalyzeInput input, AnalyzeResult analyzed, string name, IPhaseLog log, CancellationToken cancellationToken)
    {
        ImageLocation location;
        try
        {
            location = ImageLocation.Parse(name);
        }
        catch (FormatException e)
        {
            throw new LifecycleException(ExitCode.RestoreError, $"an extension switches to the run image '{name}': {e.Message}", e);
        }
        RefuseOverwriting(input.Targets, location, "the run image", ExitCode.RestoreError);
        var known = FindKnown(analyzed.KnownRunImages, location);
        // A Dockerfile is a stranger's text: it may name images of registries, not directories or engines of this machine.
        if (known is null && location is not ImageLocation.Registry)
        {
            throw new LifecycleException(ExitCode.RestoreError,
                $"an extension switches to the run image '{name}', which is on this machine and not a run image of the builder; add it to run.images of the builder, or push it to a registry");
        }
        if (known is null)
            log.Warn($"new runtime base image '{name}' not found in run metadata");
        var choice = new RunImageChoice(images, input.Platform, ExitCode.RestoreError, log);
        var (chosen, image) = await choice.ByNameAsync(name, location, known, cancellationToken);
        return analyzed with
        {
            RunImage = image,
            RunImageName = chosen,
            RunImageMetadata = known ?? new RunImageNames { Image = chosen },
            Target = image.ToTarget(ExitCode.RestoreError),
        };
    }

    private static async Task<(string Name, PinnedImage Image, RunImageNames Metadata)> ChooseRunImageAsync(
        RunImageChoice choice, AnalyzeInput input, PinnedImage builder, BuilderLabel label, CancellationToken cancellationToken)
    {
        if (input.RunImage is { } wanted)
        {
            var known = FindKnown(label.RunImages, wanted);
            var name = known?.All.First(written => SamePlace(written, wanted)) ?? NameOf(wanted);
            var (chosen, image) = await choice.ByNameAsync(name, wanted, known, cancellationToken);
            // The reference names run.toml's first image here when the wanted one is unknown; a rebase would then leave the base the app was built on.
            return (chosen, image, known ?? new RunImageNames { Image = chosen });
        }
        if (label.RunImages is not [var first, ..])
        {
            throw new LifecycleException(
                ExitCode.AnalyzeError, $"builder {builder.Location} names no run image in its label {BuilderLabel.Label}; name one with --run-image");
        }
        var best = await choice.FromAsync(first, input.Targets[0], cancellationToken);
        return (best.Name, best.Image, first);
    }

    private static async Task<PinnedImage> FindBuilderAsync(ImageStores images, AnalyzeInput input, CancellationToken cancellationToken)
    {
        try
        {
            var image = await images.FindAsync(input.Builder, input.Platform, cancellationToken)
                ?? throw new LifecycleException(ExitCode.AnalyzeError, $"builder image {input.Builder} not found; check its name and tag");
            return PinnedImage.From(image, input.Builder);
        }
        catch (Exception e) when (ImageErrors.Is(e))
        {
            throw new LifecycleException(ExitCode.AnalyzeError, $"read builder image {input.Builder}: {e.Message}", e);
        }
    }

    /// <summary>The image of an earlier build; null when there is none that can be reused, with a line that says why.</summary>
    internal static async Task<PinnedImage?> FindPreviousAsync(
        ImageStores images, ImageLocation location, Platform platform, IPhaseLog log, CancellationToken cancellationToken)
    {
        try
        {
            if (await images.FindAsync(location, platform, cancellationToken) is not { } image)
            {
                log.Info($"Image with name \"{location}\" not found");
                return null;
            }
            if (image.Config.Os == platform.Os && image.Config.Architecture == platform.Architecture)
                return PinnedImage.From(image, location);
            log.Warn($"Previous image {location} is for {image.Config.Os}/{image.Config.Architecture}; nothing of it is reused");
            return null;
        }
        catch (ImageFormatException e)
        {
            // Something else is under that name, or an index without our platform: a first build for us.
            log.Warn($"Previous image {location} cannot be used, nothing is reused: {e.Message}");
            return null;
        }
        catch (Exception e) when (ImageErrors.Is(e))
        {
            throw new LifecycleException(ExitCode.AnalyzeError, $"read previous image {location}: {e.Message}", e);
        }
    }

    internal static async Task CheckWriteAsync(ImageStores images, IReadOnlyList<ImageLocation> targets, CancellationToken cancellationToken)
    {
        foreach (var target in targets.Distinct())
        {
            try
            {
                await images.CheckWriteAsync(target, cancellationToken);
            }
            catch (Exception e) when (ImageErrors.Is(e))
            {
                throw new LifecycleException(ExitCode.AnalyzeError, $"validating write access to {target}: {e.Message}", e);
            }
        }
    }

    internal static LifecycleMetadata? ReadMetadata(PinnedImage? previous, IPhaseLog log)
    {
        if (previous is null)
            return null;
        var metadata = LifecycleMetadata.Read(previous.Labels.GetValueOrDefault(LifecycleMetadata.Label), out var problem);
        if (problem is not null)
            log.Warn($"Previous image {previous.Location}: {problem}");
        return metadata;
    }

    // Whoever may name a target could otherwise replace what other builds are made of.
    private static void RefuseOverwriting(IReadOnlyList<ImageLocation> targets, string input, string what)
    {
        if (targets.FirstOrDefault(target => SamePlace(input, target)) is { } same)
            throw Overwrites(same, what, ExitCode.AnalyzeError);
    }

    private static void RefuseOverwriting(IReadOnlyList<ImageLocation> targets, ImageLocation input, string what, ExitCode exitCode = ExitCode.AnalyzeError)
    {
        if (targets.FirstOrDefault(target => SamePlace(input, target)) is { } same)
            throw Overwrites(same, what, exitCode);
    }

    private static LifecycleException Overwrites(ImageLocation target, string what, ExitCode exitCode) =>
        new(exitCode, $"the app image {target} would overwrite {what} of the same name; choose another name for the app");

    private static RunImageNames? FindKnown(IReadOnlyList<RunImageNames> known, ImageLocation wanted) =>
        known.FirstOrDefault(names => names.All.Any(name => SamePlace(name, wanted)));

    private static bool SamePlace(string name, ImageLocation location)
    {
        try
        {
            return SamePlace(ImageLocation.Parse(name), location);
        }
        catch (FormatException)
        {
            return false;
        }
    }

    // By tag: a digest beside the tag only says what stood there once, and writing moves the tag.
    private static bool SamePlace(ImageLocation one, ImageLocation other) => (one, other) switch
    {
        (ImageLocation.Registry a, ImageLocation.Registry b) => a.Reference.Name == b.Reference.Name && TagOf(a.Reference) == TagOf(b.Reference),
        (ImageLocation.Layout a, ImageLocation.Layout b) => a.Directory == b.Directory && (a.Tag ?? "latest") == (b.Tag ?? "latest"),
        _ => one == other,
    };

    private static string TagOf(ImageReference reference) => reference.Tag ?? (reference.Digest.IsEmpty ? "latest" : reference.Digest.ToString());

    private static string NameOf(ImageLocation location) => location is ImageLocation.Docker docker ? docker.Name : location.ToString();
}
