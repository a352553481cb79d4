using Grid.Buildpacks.Toml;
using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Layers;

/// <summary>A layer as a buildpack left it: its file <c>NAME.toml</c> and, next to it, its directory.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Directory">Where its content is, or would be.</param>
/// <param name="HasDirectory">Whether the content is there.</param>
/// <param name="Toml">What it is for.</param>
public sealed record BuildpackLayer(string Name, string Directory, bool HasDirectory, LayerToml Toml)
{
    /// <summary>How it is called in messages: <c>buildpack-id:layer</c>.</summary>
    public static string Identifier(string buildpackId, string name) => buildpackId + ":" + name;
}

/// <summary>Reads a buildpack's layers directory (buildpack.md §Layer Types).</summary>
public static class BuildpackLayers
{
    // These files in a layers directory are no layers.
    private static readonly HashSet<string> Reserved = ["build", "launch", "store"];
    private const string TomlEnding = ".toml";

    /// <summary>Where a buildpack's layers are.</summary>
    public static string DirectoryOf(string layersDirectory, GroupElement buildpack) => $"{layersDirectory}/{buildpack.EscapedId}";

    /// <summary>The layers of one buildpack, in order of their names; none when it left no directory.</summary>
    /// <exception cref="TomlFormatException">A layer's toml is broken.</exception>
    /// <exception cref="IOException">A layer is a link or a file where a directory is wanted.</exception>
    public static IReadOnlyList<BuildpackLayer> Read(IFileTree files, string layersDirectory, GroupElement buildpack)
    {
        var directory = DirectoryOf(layersDirectory, buildpack);
        if (files.Stat(directory, followLinks: false) is not { } top)
            return [];
        RequireDirectory(top, directory);
        var layers = new List<BuildpackLayer>();
        foreach (var entry in files.List(directory))
        {
            if (entry.IsDirectory || !entry.Name.EndsWith(TomlEnding, StringComparison.Ordinal) || entry.Name == TomlEnding)
                continue;
            var name = entry.Name[..^TomlEnding.Length];
            if (Reserved.Contains(name))
                continue;
            var path = $"{directory}/{name}";
            var content = files.Stat(path, followLinks: false);
            if (content is not null)
                RequireDirectory(content, path);
            layers.Add(new BuildpackLayer(name, path, content is not null, LayerToml.From(TomlFile.Read(files, path + TomlEnding))));
        }
        return layers;
    }

    // Through a link a buildpack could have files packed that it cannot read itself: packing runs with more rights than it.
    private static void RequireDirectory(FileEntry entry, string path)
    {
        if (!entry.IsDirectory)
            throw new IOException($"'{path}' is a {entry.Kind} where the directory of a layer must be; a buildpack must make a directory there");
    }
}
