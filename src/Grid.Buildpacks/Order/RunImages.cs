using Grid.Buildpacks.Toml;
using Grid.Oci;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Order;

/// <summary>A run image the builder knows, with where else it can be had.</summary>
public sealed record KnownRunImage(string Image, IReadOnlyList<string> Mirrors);

/// <summary>The run images a builder knows (platform.md §run.toml).</summary>
public sealed record RunImages(IReadOnlyList<KnownRunImage> Images)
{
    /// <summary>Whether a name is one of them or a mirror, as a name: digests do not count, no tag means <c>latest</c>.</summary>
    public bool Knows(string name) => Find(name) is not null;

    /// <summary>The image that has a name or a mirror of it; null when there is none.</summary>
    public KnownRunImage? Find(string name)
    {
        var wanted = Normalize(name);
        return Images.FirstOrDefault(i => Normalize(i.Image) == wanted || i.Mirrors.Any(m => Normalize(m) == wanted));
    }

    private static string Normalize(string name)
    {
        var bare = name.IndexOf("@sha256:", StringComparison.Ordinal) is var at and >= 0 ? name[..at] : name;
        try
        {
            var reference = ImageReference.Parse(bare);
            return $"{reference.Name}:{reference.Tag ?? "latest"}";
        }
        catch (FormatException)
        {
            return name;
        }
    }

    /// <summary>Reads a run.toml.</summary>
    public static RunImages Parse(string text, string fileName) => From(TomlFile.Parse(text, fileName));

    /// <summary>Reads a run.toml of a tree; null when there is none.</summary>
    public static RunImages? ReadIfExists(IFileTree files, string path) => TomlFile.ReadIfExists(files, path) is { } document ? From(document) : null;

    private static RunImages From(TomlTable document) =>
        new([.. document.GetTables("images").Select(i => new KnownRunImage(i.RequireString("image"), i.GetStrings("mirrors")))]);
}
