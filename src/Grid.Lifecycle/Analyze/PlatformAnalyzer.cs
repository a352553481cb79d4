using Grid.Buildpacks;
using Grid.Buildpacks.Analyze;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Restore;
using Grid.Oci;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Analyze;

/// <summary>What a platform asks an analyzer that it calls by itself; it runs inside the build image and asks nothing about that.</summary>
public sealed record PlatformAnalyzeInput
{
    /// <summary>CNB_PLATFORM_API.</summary>
    public required string PlatformApi { get; init; }

    /// <summary>Where the app image goes, and its further tags.</summary>
    public required IReadOnlyList<ImageLocation> Targets { get; init; }

    /// <summary>The image to reuse layers of.</summary>
    public required ImageLocation PreviousImage { get; init; }

    /// <summary>The cache image, which must be writable; null when there is none.</summary>
    public ImageLocation? CacheImage { get; init; }

    /// <summary>The run image's name, or run.toml's first with its mirrors.</summary>
    public required RunImageNames RunImage { get; init; }

    /// <summary>Where an image of a name is.</summary>
    public required Func<string, ImageLocation> Locate { get; init; }

    /// <summary>Where the SBOMs of the previous image go; null when they are not restored.</summary>
    public string? LayersDirectory { get; init; }

    /// <summary>Who gets the SBOMs.</summary>
    public required Owner Owner { get; init; }

    public required Platform Platform { get; init; }
}

/// <summary>The analyze phase as a platform calls it (platform.md §analyzer).</summary>
public static class PlatformAnalyzer
{
    /// <summary>Checks access, chooses the run image, and says what analyzed.toml says.</summary>
    /// <exception cref="LifecycleException">Exit code 32; the message names the image.</exception>
    public static async Task<AnalyzedFile> AnalyzeAsync(
        ImageStores images, IFileTree files, PlatformAnalyzeInput input, IPhaseLog log, CancellationToken cancellationToken)
    {
        ImageLocation[] written = input.CacheImage is null ? [.. input.Targets] : [.. input.Targets, input.CacheImage];
        var writable = Analyzer.CheckWriteAsync(images, written, cancellationToken);
        var finding = Analyzer.FindPreviousAsync(images, input.PreviousImage, input.Platform, log, cancellationToken);
        await Task.WhenAll(writable, finding);
        var (name, run) = await RunImageAsync(images, input, log, cancellationToken);
        var previous = await finding;
        var metadata = Analyzer.ReadMetadata(previous, log);
        var knowsNames = !input.PlatformApi.IsBelow("0.12");
        var analyzed = new AnalyzedFile
        {
            PreviousImage = previous is null || metadata is null ? "" : Identifier(previous),
            Metadata = metadata ?? new LifecycleMetadata(),
            RunImage = new AnalyzedRunImage
            {
                Reference = Identifier(run),
                Image = knowsNames ? name : "",
                Target = knowsNames ? run.ToTarget() : null,
            },
        };
        if (input.LayersDirectory is { } layers && previous is not null && metadata?.Sbom?.Sha is { Length: > 0 } sha)
            await RestoreSbomsAsync(images, files, input, layers, previous, sha, log, cancellationToken);
        return analyzed;
    }

    /// <summary>What analyzed.toml names an image by: its name with the digest, a layout's directory with the digest, or an engine's ID.</summary>
    public static string Identifier(PinnedImage image) => image.ToLocation() switch
    {
        ImageLocation.Registry registry => $"{registry.Reference.Name}@{image.Manifest.Digest}",
        ImageLocation.Layout layout => $"{layout.Directory}@{image.Manifest.Digest}",
        ImageLocation.Docker docker => docker.Name,
        var other => other.ToString(),
    };

    private static async Task<(string Name, PinnedImage Image)> RunImageAsync(
        ImageStores images, PlatformAnalyzeInput input, IPhaseLog log, CancellationToken cancellationToken)
    {
        var registry = (input.Targets[0] as ImageLocation.Registry)?.Reference.Registry;
        var reasons = new List<string>();
        foreach (var (name, location) in input.RunImage.All.Select(name => (name, input.Locate(name)))
            .OrderBy(candidate => registry is not null && (candidate.Item2 as ImageLocation.Registry)?.Reference.Registry == registry ? 0 : 1))
        {
            try
            {
                if (await images.FindAsync(location, input.Platform, cancellationToken) is { } image)
                    return (name, PinnedImage.From(image, location));
                reasons.Add($"{name}: not found");
            }
            catch (Exception e) when (ImageErrors.Is(e))
            {
                reasons.Add($"{name}: {e.Message}");
            }
            log.Debug($"run image {reasons[^1]}");
        }
        throw new LifecycleException(ExitCode.AnalyzeError, $"no readable run image: {string.Join("; ", reasons)}; log in to its registry or name another with -run-image");
    }

    // The layer's own paths; what is not an SBOM below the layers directory has no business there.
    private static async Task RestoreSbomsAsync(
        ImageStores images, IFileTree files, PlatformAnalyzeInput input, string layers, PinnedImage previous, string sha, IPhaseLog log, CancellationToken cancellationToken)
    {
        if (previous.Layers.FirstOrDefault(l => l.DiffId.ToString() == sha) is not { } layer
            || await images.FindAsync(input.PreviousImage, input.Platform, cancellationToken) is not { } image)
            return;
        log.Info("Restoring data for SBOM from previous image");
        try
        {
            await new CachedLayerUnpacker(files, image.Blobs, input.Owner).ExtractAsync(layer, path => Target(files, layers, path, input.Owner), cancellationToken);
        }
        catch (CacheContentException e)
        {
            throw new LifecycleException(ExitCode.AnalyzeError, $"retrieving launch SBOM layer of the previous image: {e.Message}", e);
        }
    }

    private static string? Target(IFileTree files, string layers, string path, Owner owner)
    {
        if (!path.StartsWith($"{layers}/sbom/", StringComparison.Ordinal))
            return null;
        files.CreateDirectory(path[..path.LastIndexOf('/')], 0b111_101_101, owner);
        return path;
    }
}
