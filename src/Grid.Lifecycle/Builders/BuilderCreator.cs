using System.Text.Json;
using Grid.Buildpacks;
using Grid.Buildpacks.Builders;
using Grid.Buildpacks.Toml;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Builders;

/// <summary>
/// Makes builder images in pack's layout: layers and labels are those every CNB platform reads. Equal inputs give an equal image.
/// </summary>
public sealed class BuilderCreator
{
    private readonly IImageStore _images;
    private readonly ContentStore _store;
    private readonly BuilderLocations _locations;
    private readonly Platform _platform;
    private readonly BuilderFiles _files;

    private BuilderCreator(IImageStore images, ContentStore store, BuilderLocations locations, Platform platform)
    {
        _images = images;
        _store = store;
        _locations = locations;
        _platform = platform;
        _files = new BuilderFiles(store);
    }

    /// <summary>Makes the image; new layers go into the store, layers of the build image and of packages stay where they are.</summary>
    /// <param name="images">Where build image and packages are found.</param>
    /// <param name="store">Takes the new layers.</param>
    /// <param name="config">What to make.</param>
    /// <param name="configDirectory">What relative URIs (also <c>oci:DIR</c>) are relative to: the directory of builder.toml.</param>
    /// <param name="platform">Which image of an index to take.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <exception cref="BuilderException">Something the file names is missing or does not fit.</exception>
    public static Task<ImageContent> CreateAsync(
        IImageStore images, ContentStore store, BuilderConfig config, string configDirectory, Platform platform, CancellationToken cancellationToken) =>
        new BuilderCreator(images, store, new BuilderLocations(configDirectory), platform).CreateAsync(config, cancellationToken);

    private async Task<ImageContent> CreateAsync(BuilderConfig config, CancellationToken cancellationToken)
    {
        var location = Location(config.BuildImage, "build image");
        var build = await _images.FindAsync(location, _platform, cancellationToken)
            ?? throw new BuilderException($"the build image {location} does not exist; make or pull it, or correct [build] image");
        var user = User(build, location);
        var existing = Existing(build, location);
        var modules = await LoadAsync(config, existing, cancellationToken);
        config = BuilderOrder.Resolve(config, modules, _platform) with { RunImages = [.. config.RunImages.Select(Absolute)] };

        var image = ImageBuilder.From(build, location);
        image.AddLayer(_files.Directories(user), _store);
        var lifecycle = AddLifecycle(image, config.Lifecycle, cancellationToken);
        AddModules(image, modules, existing);
        foreach (var layer in _files.Configuration(config))
            image.AddLayer(layer, _store);
        image.Config = image.Config with
        {
            Config = image.Config.Config with { WorkingDir = "/layers", User = $"{user.UserId}:{user.GroupId}" },
        };
        foreach (var (name, value) in BuilderLabels.For(config, modules, lifecycle))
            image.SetLabel(name, value);
        return image.Build();
    }

    private async Task<IReadOnlyList<PackagedModule>> LoadAsync(
        BuilderConfig config, IReadOnlyList<PackagedModule> existing, CancellationToken cancellationToken)
    {
        var loader = new ModuleLoader(_images, _store, _locations, _platform);
        var modules = existing.ToDictionary(module => (module.Kind, module.FullName));
        var given = new Dictionary<(ModuleKind, string), (BuilderModule From, Digest DiffId)>();
        foreach (var (kind, entry) in config.Buildpacks.Select(entry => (ModuleKind.Buildpack, entry)).Concat(config.Extensions.Select(entry => (ModuleKind.Extension, entry))))
        {
            foreach (var module in await loader.LoadAsync(kind, entry, cancellationToken))
            {
                var key = (kind, module.FullName);
                if (given.TryGetValue(key, out var first) && first.DiffId != module.DiffId)
                    throw BuilderException.At(entry.Position, $"{module.FullName} is given twice with different content: by {first.From.Uri} and by {entry.Uri}");
                given[key] = (entry, module.DiffId);
                modules[key] = module;
            }
        }
        return [.. modules.Values.OrderBy(module => module.Kind).ThenBy(module => module.FullName, StringComparer.Ordinal)];
    }

    /// <summary>Adds each layer once: several modules of a flattened package share one.</summary>
    private void AddModules(ImageBuilder image, IReadOnlyList<PackagedModule> modules, IReadOnlyList<PackagedModule> existing)
    {
        var added = new HashSet<Digest>();
        foreach (var module in modules)
        {
            var old = existing.FirstOrDefault(other => other.Kind == module.Kind && other.FullName == module.FullName);
            if (module.Source is null || old?.DiffId == module.DiffId || !added.Add(module.DiffId))
                continue;
            if (old is not null)
                image.AddLayer(_files.Whiteout(module.Directory), _store);
            image.AddLayer(module.Source.Layer, module.Source.Blobs, module.Source.Origin);
        }
    }

    /// <summary>Modules of a build image that is itself a builder.</summary>
    private static List<PackagedModule> Existing(Image build, ImageLocation location)
    {
        var modules = new List<PackagedModule>();
        foreach (var kind in (ModuleKind[])[ModuleKind.Buildpack, ModuleKind.Extension])
        {
            if (build.Config.Config.Labels?.TryGetValue(BuilderLabels.Layers(kind), out var label) is not true)
                continue;
            try
            {
                modules.AddRange(PackagedModule.FromLabel(kind, label, _ => null));
            }
            catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or ArgumentNullException)
            {
                throw new BuilderException($"label {BuilderLabels.Layers(kind)} of the build image {location} cannot be read: {e.Message}", e);
            }
        }
        return modules;
    }

    private TomlTable? AddLifecycle(ImageBuilder image, BuilderLifecycle? lifecycle, CancellationToken cancellationToken)
    {
        if (lifecycle?.Uri is not { Length: > 0 } uri)
            return null;
        try
        {
            var files = ModuleFiles.Open(_locations.PathOf(uri));
            var text = files.ReadText("lifecycle.toml") ?? throw new FileNotFoundException("it has no lifecycle.toml");
            using var writer = LayerWriter.Create(_store);
            files.Append(writer, "lifecycle", "/cnb/lifecycle", cancellationToken);
            writer.Write(new LayerEntry("/lifecycle", LayerEntryType.SymbolicLink) { LinkTarget = "/cnb/lifecycle", Mode = 0x1FF });
            image.AddLayer(writer.Complete(), _store);
            return TomlFile.Parse(text, files.Name + "/lifecycle.toml");
        }
        catch (Exception e) when (e is IOException or InvalidDataException or TomlFormatException or NotSupportedException)
        {
            throw BuilderException.At(lifecycle.Position, $"cannot use the lifecycle {uri}: {e.Message}", e);
        }
    }

    private static Owner User(Image build, ImageLocation location)
    {
        return new Owner(Id("CNB_USER_ID"), Id("CNB_GROUP_ID"));

        int Id(string name)
        {
            var text = build.Config.Config.Env?.LastOrDefault(line => line.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];
            if (string.IsNullOrEmpty(text))
                throw new BuilderException($"the build image {location} has no {name} in its environment; set it to the id buildpacks run as (ENV {name}=1001)");
            return int.TryParse(text, out var id) && id >= 0
                ? id
                : throw new BuilderException($"the build image {location} has {name}={text}, which is not a number");
        }
    }

    /// <summary>Registry names stay as they are written; a layout's directory must mean the same from anywhere.</summary>
    private BuilderRunImage Absolute(BuilderRunImage image) => new(Absolute(image.Image), [.. image.Mirrors.Select(Absolute)]);

    private string Absolute(string name) => Location(name, "run image") is ImageLocation.Layout layout ? layout.ToString() : name;

    private ImageLocation Location(string name, string what)
    {
        try
        {
            return _locations.Image(name);
        }
        catch (FormatException e)
        {
            throw new BuilderException($"{what} '{name}' is not the name of an image: {e.Message}", e);
        }
    }
}
