using Grid.Oci.Layers;

namespace Grid.Oci.Images;

/// <summary>
/// Makes a new image from a base or from nothing. Layers and history are the builder's own: whatever <see cref="Config"/> says about them is
/// replaced by <see cref="Build"/>. The same calls always give the same bytes.
/// </summary>
public sealed class ImageBuilder
{
    private readonly List<LayerSource> _layers = [];

    // In order; one that is not EmptyLayer belongs to the next layer. Null: nobody said anything about that layer.
    private readonly List<(HistoryEntry? Entry, bool Empty)> _history = [];
    private readonly bool _docker;

    private ImageBuilder(ImageConfig config, bool docker)
    {
        Config = config;
        _docker = docker;
    }

    /// <summary>The configuration; set it with <c>builder.Config = builder.Config with { … }</c>.</summary>
    public ImageConfig Config { get; set; }

    /// <summary>The layers so far, bottom first.</summary>
    public IReadOnlyList<LayerSource> Layers => _layers;

    /// <summary>Annotations of the manifest (OCI only: Docker's schema 2 has none, and then they are left out).</summary>
    public IReadOnlyDictionary<string, string>? Annotations { get; set; }

    /// <summary>Starts with an image's layers, history and configuration, and with its family of media types.</summary>
    /// <param name="image">The base.</param>
    /// <param name="origin">Where it was found: a push into the same registry then mounts its layers.</param>
    public static ImageBuilder From(Image image, ImageLocation? origin = null) =>
        new ImageBuilder(image.Config, image.Manifest.MediaType == MediaTypes.DockerManifest).AddLayers(image, 0, origin);

    /// <summary>Starts with no layer, in OCI's media types.</summary>
    public static ImageBuilder FromScratch(Platform platform) => new(
        new ImageConfig { Os = platform.Os, Architecture = platform.Architecture, Variant = platform.Variant }, docker: false);

    /// <summary>Puts a layer on top.</summary>
    public ImageBuilder AddLayer(Layer layer, IBlobSource blobs, ImageLocation? origin = null, HistoryEntry? history = null)
    {
        if (history is { EmptyLayer: true })
            throw new ArgumentException("the history entry of a layer must not be marked as empty", nameof(history));
        _layers.Add(new LayerSource(layer, blobs, origin));
        _history.Add((history, false));
        return this;
    }

    /// <summary>Puts an image's layers from <paramref name="first"/> on, with their history, on top: rebasing is the new base plus the app's layers.</summary>
    public ImageBuilder AddLayers(Image image, int first, ImageLocation? origin = null)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(first, image.Layers.Count);
        _layers.AddRange(image.Layers.Skip(first).Select(layer => new LayerSource(layer, image.Blobs, origin)));
        _history.AddRange(HistoryFrom(image, first));
        return this;
    }

    /// <summary>Notes a change of the configuration that made no layer.</summary>
    public ImageBuilder AddEmptyHistory(HistoryEntry entry)
    {
        _history.Add((entry with { EmptyLayer = true }, true));
        return this;
    }

    /// <summary>Sets a label; null removes it.</summary>
    public ImageBuilder SetLabel(string name, string? value)
    {
        var labels = new SortedDictionary<string, string>(Config.Config.Labels?.ToDictionary() ?? [], StringComparer.Ordinal);
        if (value is null)
            labels.Remove(name);
        else
            labels[name] = value;
        Config = Config with { Config = Config.Config with { Labels = labels } };
        return this;
    }

    /// <summary>Sets a variable in the place it has, or at the end; null removes it.</summary>
    public ImageBuilder SetEnv(string name, string? value)
    {
        if (name.Length == 0 || name.Contains('='))
            throw new ArgumentException($"'{name}' cannot be the name of a variable", nameof(name));
        var env = Config.Config.Env?.ToList() ?? [];
        var at = env.FindIndex(line => line.StartsWith(name + "=", StringComparison.Ordinal));
        env.RemoveAll(line => line.StartsWith(name + "=", StringComparison.Ordinal));
        if (value is not null)
            env.Insert(at < 0 ? env.Count : at, name + "=" + value);
        Config = Config with { Config = Config.Config with { Env = env } };
        return this;
    }

    /// <summary>The value of a variable, or null.</summary>
    public string? GetEnv(string name) =>
        Config.Config.Env?.LastOrDefault(line => line.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];

    /// <summary>Finishes the image.</summary>
    /// <exception cref="ImageFormatException">The configuration names no operating system or processor.</exception>
    public ImageContent Build()
    {
        if (Config.Os.Length == 0 || Config.Architecture.Length == 0)
            throw new ImageFormatException("an image needs an operating system and a processor architecture in its configuration");
        // Docker's schema 2 has no zstd layers: such an image becomes an OCI one as a whole, never a mixture.
        var docker = _docker
            && _layers.TrueForAll(
                source => MediaTypes.ToOciLayer(source.Layer.Blob.MediaType) is MediaTypes.OciLayer or MediaTypes.OciLayerGzip);
        var layers = _layers.ConvertAll(source => source with { Layer = source.Layer with { Blob = Plain(source.Layer.Blob, docker) } });
        var config = ImageDocuments.Write(FinalConfig());
        var configType = docker ? MediaTypes.DockerConfig : MediaTypes.OciConfig;
        var manifestType = docker ? MediaTypes.DockerManifest : MediaTypes.OciManifest;
        var manifest = new ImageManifest
        {
            MediaType = manifestType,
            Config = new Descriptor(configType, Digest.Compute(config), config.Length),
            Layers = layers.ConvertAll(source => source.Layer.Blob),
            Annotations = docker || Annotations is not { Count: > 0 } ? null : Sorted(Annotations),
        };
        return new ImageContent(ImageDocuments.Write(manifest), manifestType, config, configType, layers);
    }

    private ImageConfig FinalConfig()
    {
        var container = Config.Config;
        if (container.Labels is not null)
            container = container with { Labels = Sorted(container.Labels) };
        return Config with
        {
            Config = container,
            RootFs = new RootFs { DiffIds = _layers.ConvertAll(source => source.Layer.DiffId) },
            History = FinalHistory(),
        };
    }

    // Tools match history to layers by counting: entries that are not empty are as many as the layers, or there is no history. Each entry has a
    // time: umoci 0.4 crashes on one without.
    private List<HistoryEntry>? FinalHistory()
    {
        if (!_history.Exists(item => item.Entry is not null))
            return null;
        var created = Config.Created ?? LayerTimes.Normalized;
        return _history.ConvertAll(
            item => item.Entry is { Created: not null } entry ? entry : (item.Entry ?? new HistoryEntry()) with { Created = created });
    }

    private static List<(HistoryEntry? Entry, bool Empty)> HistoryFrom(Image image, int first)
    {
        var history = image.Config.History ?? [];
        if (history.Count(entry => !entry.EmptyLayer) != image.Layers.Count)
            return [.. Enumerable.Repeat<(HistoryEntry?, bool)>((null, false), image.Layers.Count - first)];
        // Changes of the configuration right above the base's last layer (its CMD, its ENV) are the base's and stay behind with it.
        var seen = 0;
        var start = first == 0 ? 0 : history.TakeWhile(entry => entry.EmptyLayer || seen++ < first).Count();
        return [.. history.Skip(start).Select(entry => ((HistoryEntry?)entry, entry.EmptyLayer))];
    }

    private static Descriptor Plain(Descriptor blob, bool docker) =>
        new(docker ? MediaTypes.ToDockerLayer(blob.MediaType) : MediaTypes.ToOciLayer(blob.MediaType), blob.Digest, blob.Size);

    private static SortedDictionary<string, string> Sorted(IReadOnlyDictionary<string, string> values) =>
        new(values.ToDictionary(), StringComparer.Ordinal);
}
