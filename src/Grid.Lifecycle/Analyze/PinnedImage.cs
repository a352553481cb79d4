using Grid.Buildpacks;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Analyze;

/// <summary>
/// An image as it was when the build began: where it is by digest, its configuration and its layers. Later phases use this and do not ask the registry
/// again, so a tag that moves meanwhile changes nothing (the reference resolves the run image again by name).
/// </summary>
public sealed record PinnedImage
{
    /// <summary>Where it is, with its digest, as <see cref="ImageLocation.ToString"/> writes it.</summary>
    public required string Location { get; init; }

    /// <summary>Its manifest; the digest is the image's digest.</summary>
    public required Descriptor Manifest { get; init; }

    public required ImageConfig Config { get; init; }

    /// <summary>Bottom first.</summary>
    public required IReadOnlyList<Layer> Layers { get; init; }

    /// <summary>Labels of the configuration, never null.</summary>
    internal IReadOnlyDictionary<string, string> Labels => Config.Config.Labels ?? new Dictionary<string, string>();

    /// <summary>What an image store found, to be kept.</summary>
    public static PinnedImage From(Image image, ImageLocation location) => new()
    {
        Location = image.Pinned(location).ToString(),
        Manifest = image.Manifest,
        Config = image.Config,
        Layers = image.Layers,
    };

    /// <summary>The same image as a view over a source of blobs.</summary>
    public Image ToImage(IBlobSource blobs) => new(Manifest, Config, Layers, blobs);

    /// <summary>Reads <see cref="Location"/>.</summary>
    public ImageLocation ToLocation() => ImageLocation.Parse(Location);

    /// <summary>What modules' targets are matched against: os and architecture of the configuration, distribution of the labels (platform.md §Target data).</summary>
    /// <exception cref="LifecycleException">The configuration names no operating system or architecture (<paramref name="exitCode"/>).</exception>
    public Target ToTarget(ExitCode exitCode = ExitCode.AnalyzeError)
    {
        if (Config.Os.Length == 0 || Config.Architecture.Length == 0)
            throw new LifecycleException(exitCode, $"image {Location} does not say its operating system and architecture; rebuild it with a tool that writes them");
        var name = Labels.GetValueOrDefault("io.buildpacks.base.distro.name");
        // Images of this old stack do not name their distribution (platform.md §analyzed.toml).
        var isBionic = name is null && Labels.GetValueOrDefault("io.buildpacks.stack.id") == "io.buildpacks.stacks.bionic";
        return new Target(Config.Os, Config.Architecture)
        {
            Variant = NullIfEmpty(Config.Variant),
            Id = Labels.GetValueOrDefault("io.buildpacks.base.id"),
            DistroName = isBionic ? "ubuntu" : name,
            DistroVersion = isBionic ? "18.04" : Labels.GetValueOrDefault("io.buildpacks.base.distro.version"),
        };
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
