using Grid.Buildpacks;
using Grid.Buildpacks.Metadata;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Analyze;

/// <summary>Chooses among a run image's names (platform.md §Run image resolution).</summary>
internal sealed class RunImageChoice(ImageStores images, Platform platform, ExitCode exitCode, IPhaseLog log)
{
    /// <summary>The first readable of these names; those in the app's registry come first.</summary>
    public async Task<(string Name, PinnedImage Image)> FromAsync(RunImageNames names, ImageLocation app, CancellationToken cancellationToken)
    {
        var registry = (app as ImageLocation.Registry)?.Reference.Registry;
        var candidates = names.All.Select(name => (Name: name, Location: Parse(name)))
            .OrderBy(candidate => registry is not null && (candidate.Location as ImageLocation.Registry)?.Reference.Registry == registry ? 0 : 1);
        return await FirstReadableAsync(candidates, cancellationToken);
    }

    /// <summary>The image somebody named; when it cannot be read and the builder knows mirrors of it, one of those.</summary>
    public async Task<(string Name, PinnedImage Image)> ByNameAsync(
        string name, ImageLocation location, RunImageNames? known, CancellationToken cancellationToken)
    {
        var mirrors = (known?.All ?? []).Select(mirror => (Name: mirror, Location: Parse(mirror))).Where(mirror => mirror.Location != location);
        return await FirstReadableAsync([(name, location), .. mirrors], cancellationToken);
    }

    private async Task<(string Name, PinnedImage Image)> FirstReadableAsync(
        IEnumerable<(string Name, ImageLocation Location)> candidates, CancellationToken cancellationToken)
    {
        var reasons = new List<string>();
        foreach (var (name, location) in candidates)
        {
            try
            {
                if (await images.FindAsync(location, platform, cancellationToken) is { } image)
                    return (name, PinnedImage.From(image, location));
                reasons.Add($"{name}: not found");
            }
            catch (Exception e) when (ImageErrors.Is(e))
            {
                reasons.Add($"{name}: {e.Message}");
            }
            log.Debug($"run image {reasons[^1]}");
        }
        throw new LifecycleException(exitCode, $"no readable run image: {string.Join("; ", reasons)}; log in to its registry or name another run image");
    }

    private ImageLocation Parse(string name)
    {
        try
        {
            return ImageLocation.Parse(name);
        }
        catch (FormatException e)
        {
            throw new LifecycleException(exitCode, $"run image '{name}': {e.Message}", e);
        }
    }
}

/// <summary>What image stores throw for images that cannot be read or written, as opposed to faults of ours.</summary>
internal static class ImageErrors
{
    public static bool Is(Exception e) => e is IOException or FormatException or NotSupportedException or HttpRequestException or UnauthorizedAccessException;
}
