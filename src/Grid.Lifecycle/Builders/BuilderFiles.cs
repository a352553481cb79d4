using System.Text;
using Grid.Buildpacks.Builders;
using Grid.Buildpacks.Toml;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Builders;

/// <summary>The layers of a builder that are not modules: its directories and what it says to the lifecycle.</summary>
internal sealed class BuilderFiles(ContentStore store)
{
    private static readonly string[] RootDirectories =
        ["/cnb", "/cnb/buildpacks", "/cnb/extensions", "/platform", "/platform/env", "/cnb/build-config", "/cnb/build-config/env"];

    /// <summary>A directory of root's, 0755.</summary>
    public static LayerEntry Directory(string path) => new(path, LayerEntryType.Directory) { Mode = 0x1ED };

    /// <summary>The directories every builder has; the user's own are for the app and its layers.</summary>
    public Layer Directories(Owner user) => Layer(writer =>
    {
        foreach (var path in (string[])["/workspace", "/layers"])
            writer.Write(Directory(path) with { Owner = user });
        foreach (var path in RootDirectories)
            writer.Write(Directory(path));
    });

    /// <summary>Hides what the build image has at a path.</summary>
    public Layer Whiteout(string path) => Layer(writer =>
    {
        var slash = path.LastIndexOf('/');
        writer.Write(new LayerEntry(path[..(slash + 1)] + ".wh." + path[(slash + 1)..], LayerEntryType.File));
    });

    /// <summary>order.toml, system.toml, stack.toml, run.toml and the build-time environment, each a layer as in pack.</summary>
    public IEnumerable<Layer> Configuration(BuilderConfig config)
    {
        yield return File("/cnb/order.toml", Order(config));
        if (config.SystemPre.Count + config.SystemPost.Count > 0)
            yield return File("/cnb/system.toml", System(config));
        yield return File("/cnb/stack.toml", new TomlTable().Set("run-image", RunImage(config.RunImages[0])));
        yield return File("/cnb/run.toml", new TomlTable().Set("images", new TomlArray(config.RunImages.Select(RunImage))));
        if (config.BuildEnv.Count > 0)
            yield return BuildEnv(config.BuildEnv);
    }

    private Layer File(string path, TomlTable content) => Layer(writer => Write(writer, path, TomlWriter.WriteBytes(content)));

    private Layer BuildEnv(IReadOnlyList<BuilderVariable> variables) => Layer(writer =>
    {
        var files = new SortedDictionary<string, string>(StringComparer.Ordinal);
        foreach (var variable in variables)
        {
            files[variable.Suffix.Length == 0 ? variable.Name : variable.Name + "." + variable.Suffix] = variable.Value;
            if (variable.Delimiter is { } delimiter)
                files[variable.Name + ".delim"] = delimiter;
        }
        foreach (var (name, value) in files)
            Write(writer, "/cnb/build-config/env/" + name, Encoding.UTF8.GetBytes(value));
    });

    private Layer Layer(Action<LayerWriter> write)
    {
        using var writer = LayerWriter.Create(store);
        write(writer);
        return writer.Complete();
    }

    private static void Write(LayerWriter writer, string path, byte[] content) =>
        writer.Write(new LayerEntry(path, LayerEntryType.File) { Size = content.Length }, new MemoryStream(content));

    private static TomlTable Order(BuilderConfig config)
    {
        var table = new TomlTable().Set("order", Groups(config.Order));
        return config.OrderExtensions.Count == 0 ? table : table.Set("order-extensions", Groups(config.OrderExtensions));
    }

    private static TomlTable System(BuilderConfig config) => new TomlTable().Set("system", new TomlTable()
        .Set("pre", new TomlTable().Set("buildpacks", Elements(config.SystemPre)))
        .Set("post", new TomlTable().Set("buildpacks", Elements(config.SystemPost))));

    private static TomlArray Groups(IReadOnlyList<BuilderGroup> groups) =>
        new(groups.Select(group => new TomlTable().Set("group", Elements(group.Elements))));

    private static TomlArray Elements(IReadOnlyList<BuilderGroupElement> elements) => new(elements.Select(element =>
    {
        var table = new TomlTable().Set("id", element.Id).Set("version", element.Version!);
        return element.Optional ? table.Set("optional", true) : table;
    }));

    private static TomlTable RunImage(BuilderRunImage image)
    {
        var table = new TomlTable().Set("image", image.Image);
        return image.Mirrors.Count == 0 ? table : table.Set("mirrors", image.Mirrors.ToArray());
    }
}
