using Grid.Buildpacks;
using Grid.Oci;

namespace Grid.Cli.Commands;

/// <summary>Where an image is to be written, and the name its app is known by.</summary>
/// <param name="AppName">Name of the image without tag: builds of one name are one app.</param>
/// <param name="Locations">Where to write; the first is the image, others are more names for it.</param>
internal sealed record BuildTargets(string AppName, IReadOnlyList<ImageLocation> Locations)
{
    /// <summary>Combines <c>--image</c>, <c>--tag</c> and <c>--output</c>.</summary>
    public static BuildTargets Resolve(string image, IReadOnlyList<string> tags, string output)
    {
        var names = new[] { image }.Concat(tags).Select(Name).ToList();
        if (names.FirstOrDefault(n => n.Registry != names[0].Registry) is { } other)
            throw new LifecycleException(ExitCode.InvalidArgs, $"--tag {other}: all names must be on the registry of {names[0]} ({names[0].Registry})");
        IReadOnlyList<ImageLocation> locations = output switch
        {
            "registry" => [.. names.Select(n => new ImageLocation.Registry(n))],
            "docker" => [.. names.Select(n => new ImageLocation.Docker(DockerName(n)))],
            _ when output.StartsWith("oci:", StringComparison.Ordinal) => Layout(output, names),
            _ => throw new LifecycleException(ExitCode.InvalidArgs, $"--output '{output}': want registry, docker or oci:DIR[:TAG]"),
        };
        return new BuildTargets(names[0].Name, locations);
    }

    private static List<ImageLocation> Layout(string output, List<ImageReference> names)
    {
        if (ImageLocation.Parse(output) is not ImageLocation.Layout { Digest.IsEmpty: true } layout)
            throw new LifecycleException(ExitCode.InvalidArgs, $"--output '{output}': want oci:DIR[:TAG], without a digest");
        return layout.Tag is not null && names.Count == 1
            ? [layout]
            : [.. names.Select(n => layout with { Tag = n == names[0] && layout.Tag is not null ? layout.Tag : n.Tag ?? "latest" })];
    }

    private static ImageReference Name(string text)
    {
        var name = ImageReference.Parse(text);
        return name.Digest.IsEmpty ? name : throw new LifecycleException(ExitCode.InvalidArgs, $"image name '{text}': a new image has no digest yet; name a tag");
    }

    private static string DockerName(ImageReference name) =>
        (name.Registry == ImageReference.DefaultRegistry ? name.Repository.StartsWith("library/", StringComparison.Ordinal) ? name.Repository[8..] : name.Repository : name.Name)
            + ":" + (name.Tag ?? "latest");
}
