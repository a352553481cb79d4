using Grid.Buildpacks;
using Grid.Buildpacks.Analyze;
using Grid.Buildpacks.Descriptors;
using Grid.Buildpacks.Order;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Cli.Lifecycle;

/// <summary>Looks up the images that extensions change, for extenders that have no credentials (spec-facts §4.2).</summary>
internal sealed class ImagesToExtend(PhaseInputs inputs, PhaseImages images, IPhaseLog log)
{
    /// <summary>analyzed.toml with what extenders and later phases need: digests of both images, and the target of a run image an extension switched to.</summary>
    /// <exception cref="LifecycleException">Exit code 42: an image cannot be read.</exception>
    public async Task<AnalyzedFile> PrepareAsync(AnalyzedFile analyzed, Group group, CancellationToken cancellationToken)
    {
        if (inputs.Api < new ApiVersion(0, 10))
            return analyzed;
        if (inputs.Get(PhaseFlags.BuildImage) is { Length: > 0 } buildImage)
        {
            log.Debug($"Pulling builder image metadata for {buildImage}...");
            analyzed = analyzed with { BuildImage = PlatformAnalyzer.Identifier(await PullAsync([buildImage], cancellationToken)) };
        }
        return analyzed.RunImage is { } run ? analyzed with { RunImage = await RunImageAsync(run, group, cancellationToken) } : analyzed;
    }

    private async Task<AnalyzedRunImage> RunImageAsync(AnalyzedRunImage run, Group group, CancellationToken cancellationToken)
    {
        var extend = run.Extend && inputs.Api >= new ApiVersion(0, 12) && !inputs.Get(PhaseFlags.Layout);
        var unknown = group.Extensions.Count > 0 && string.IsNullOrEmpty(run.Target?.Os);
        if (!extend && !unknown)
            return run;
        log.Debug($"{(extend ? "Pulling run image metadata for" : "Updating run image info in analyzed metadata from")} {run.Image}...");
        var image = extend ? await PullAsync(Names(run), cancellationToken) : await FindAsync(Names(run), images.Locate, cancellationToken);
        return run with
        {
            Reference = PlatformAnalyzer.Identifier(image),
            Target = inputs.Api >= new ApiVersion(0, 12) ? image.ToTarget(ExitCode.RestoreError) : run.Target,
        };
    }

    // What analyze pinned is what is extended, also when the tag has moved since (row 23); a name that no analyzer has seen has no digest yet.
    private IReadOnlyList<string> Names(AnalyzedRunImage run)
    {
        if (run.Reference.Contains("@sha256:", StringComparison.Ordinal))
            return [run.Reference];
        var name = run.Image.Length > 0 ? run.Image : run.Reference;
        var known = inputs.Api >= new ApiVersion(0, 14) ? RunImages.ReadIfExists(InPlace.Files, inputs.Get(PhaseFlags.Run))?.Find(name) : null;
        return known is null ? [name] : [.. known.All.Prepend(name).Distinct()];
    }

    private async Task<PinnedImage> PullAsync(IReadOnlyList<string> names, CancellationToken cancellationToken)
    {
        // Extenders want a digest, which images of an engine have not: they come from their registry whatever the flags say.
        var found = await FindAsync(names, images.LocateInRegistry, cancellationToken);
        if (KanikoDirectory.Exists)
            await KanikoDirectory.SaveBaseAsync(images.Stores, found, cancellationToken);
        else
            log.Warn($"There is no {KanikoDirectory.Path}: an extender will not find the image {found.Location}; mount a volume there");
        return found;
    }

    private async Task<PinnedImage> FindAsync(IReadOnlyList<string> names, Func<string, ImageLocation> locate, CancellationToken cancellationToken)
    {
        var reasons = new List<string>();
        foreach (var location in names.Select(locate))
        {
            try
            {
                if (await images.Stores.FindAsync(location, HostPlatform.Current, cancellationToken) is { } image)
                    return PinnedImage.From(image, location);
                reasons.Add($"{location}: not found");
            }
            catch (Exception e) when (e is ImageAccessException or ImageFormatException)
            {
                reasons.Add($"{location}: {e.Message}");
            }
        }
        throw new LifecycleException(ExitCode.RestoreError, $"failed to pull image: {string.Join("; ", reasons)}; log in to its registry or correct its name");
    }
}
