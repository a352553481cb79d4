using Grid.Buildpacks;
using Grid.Buildpacks.Layers;
using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Restore;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Export;

/// <summary>Which layers an app becomes, in which order, and what the labels say of them. Making it reads the small files; its jobs read the big ones.</summary>
internal sealed class PackPlan
{
    private readonly IFileTree _files;
    private readonly ContentStore _store;
    private readonly PackInput _input;
    private readonly IPhaseLog _log;
    private readonly AppLayers _app;
    private readonly List<PackJob> _image = [];
    private readonly List<PackJob> _cacheOnly = [];
    private readonly List<(GroupElement Buildpack, IReadOnlyList<BuildpackLayer> Layers)> _buildpacks = [];
    private readonly Dictionary<string, PackJob> _byIdentifier = [];
    private readonly PreviousLayers _previous;

    private PackPlan(IFileTree files, ContentStore store, PackInput input, IPhaseLog log)
    {
        _files = files;
        _store = store;
        _input = input;
        _log = log;
        _previous = new PreviousLayers(input.PreviousImage);
        _app = new AppLayers(files, store, input, _previous);
    }

    /// <summary>All work; independent of each other.</summary>
    public IEnumerable<PackJob> Jobs => [.. _image, .. _cacheOnly];

    public static PackPlan Make(IFileTree files, ContentStore store, PackInput input, IPhaseLog log)
    {
        var plan = new PackPlan(files, store, input, log);
        foreach (var buildpack in input.Group.Buildpacks)
            plan._buildpacks.Add((buildpack, BuildpackLayers.Read(files, input.Environment.LayersDirectory, buildpack)));
        plan.PlanLaunchLayers();
        plan._app.AddTo(plan._image);
        plan.PlanCache();
        return plan;
    }

    /// <summary>The result, when all jobs have run.</summary>
    public PackedApp Collect()
    {
        var layers = _image.Select(Packed).ToList();
        Report(layers);
        return new PackedApp
        {
            Layers = layers,
            Build = _input.Build,
            Launcher = _app.UsesBuilderLauncher ? _input.BuilderLauncher : _input.OwnLauncher,
            Metadata = new LifecycleMetadata
            {
                App = [.. _app.Slices.Select(Sha)],
                Sbom = _app.Sbom is null ? null : Sha(_app.Sbom),
                Buildpacks = [.. _buildpacks.Select(item => Metadata(item.Buildpack, item.Layers))],
                Config = Sha(_app.Config),
                Launcher = Sha(_app.Launcher),
                ProcessTypes = _app.ProcessTypes is null ? LayerSha.None : Sha(_app.ProcessTypes),
            },
            Cache = CollectCache(),
        };
    }

    private void PlanLaunchLayers()
    {
        foreach (var (buildpack, layers) in _buildpacks)
        {
            foreach (var layer in layers.Where(layer => layer.Toml.Launch))
            {
                var identifier = BuildpackLayer.Identifier(buildpack.Id, layer.Name);
                var createdBy = $"Layer: '{layer.Name}', Created by buildpack: {buildpack}";
                var job = layer.HasDirectory
                    ? new PackJob(identifier, createdBy, token => PackLaunchLayer(layer, token))
                    : FromPrevious(buildpack, layer, identifier, createdBy);
                _byIdentifier.Add(identifier, job);
                _image.Add(job);
            }
        }
    }

    // buildpack.md §Launch layers: a toml without a directory keeps the layer of the previous image.
    private PackJob FromPrevious(GroupElement buildpack, BuildpackLayer layer, string identifier, string createdBy)
    {
        if (layer.Toml.Cache)
            throw new LifecycleException(ExitCode.ExportError, $"layer '{identifier}' is cache=true but has no contents; its buildpack must make {layer.Directory}");
        var sha = _input.Previous?.Buildpacks?.FirstOrDefault(metadata => metadata.Id == buildpack.Id)?.Layers?.GetValueOrDefault(layer.Name)?.Sha;
        if (string.IsNullOrEmpty(sha))
            throw new LifecycleException(ExitCode.ExportError, $"cannot reuse '{identifier}', previous image has no metadata for layer '{identifier}'");
        if (_previous.Find(sha) is not { } previous)
            throw new LifecycleException(ExitCode.ExportError, $"cannot reuse '{identifier}', previous image has no layer {sha} that its label names");
        return new PackJob(identifier, createdBy, _ => previous) { FromPrevious = true };
    }

    private void PlanCache()
    {
        foreach (var (buildpack, layers) in _buildpacks)
        {
            foreach (var layer in layers.Where(layer => layer.Toml.Cache))
            {
                var identifier = BuildpackLayer.Identifier(buildpack.Id, layer.Name);
                if (_byIdentifier.ContainsKey(identifier))
                    continue;
                if (!layer.HasDirectory)
                {
                    // A cache problem costs time next time, never the build.
                    _log.Warn($"failed to cache layer '{identifier}' because it has no contents");
                    continue;
                }
                var job = new PackJob(identifier, "", token => PackDirectory(layer.Directory, token, _input.CacheCompression));
                _byIdentifier.Add(identifier, job);
                _cacheOnly.Add(job);
            }
        }
        if (_app.CacheSbom is { } sbom)
            _cacheOnly.Add(sbom);
    }

    private CacheMetadata CollectCache() => new()
    {
        Buildpacks = [.. _buildpacks.Select(item => new CachedBuildpack(item.Buildpack.Id, item.Buildpack.Version, CachedLayers(item.Buildpack, item.Layers)))],
        Sbom = _app.CacheSbom?.Layer,
        ExecEnv = _input.Environment.ExecEnv,
    };

    private List<CachedLayer> CachedLayers(GroupElement buildpack, IReadOnlyList<BuildpackLayer> layers) =>
    [
        .. layers.Where(layer => layer.Toml.Cache && layer.HasDirectory).Select(layer =>
            new CachedLayer(layer.Name, _byIdentifier[BuildpackLayer.Identifier(buildpack.Id, layer.Name)].Layer)
            {
                Build = layer.Toml.Build,
                Launch = layer.Toml.Launch,
                MetadataToml = layer.Toml.MetadataToml,
            }),
    ];

    private BuildpackLayersMetadata Metadata(GroupElement buildpack, IReadOnlyList<BuildpackLayer> layers)
    {
        var described = new SortedDictionary<string, LayerMetadata>(StringComparer.Ordinal);
        foreach (var layer in layers.Where(layer => layer.Toml.Launch))
        {
            described[layer.Name] = new LayerMetadata
            {
                Sha = _byIdentifier[BuildpackLayer.Identifier(buildpack.Id, layer.Name)].DiffId.ToString(),
                Data = layer.Toml.MetadataAsJson(),
                Build = layer.Toml.Build,
                Launch = true,
                Cache = layer.Toml.Cache,
            };
        }
        var store = StoreToml.Find(_files, BuildpackLayers.DirectoryOf(_input.Environment.LayersDirectory, buildpack));
        return new BuildpackLayersMetadata { Id = buildpack.Id, Version = buildpack.Version, Layers = described, Store = store };
    }

    // Equal content in the previous image: its blob is taken, even when another compressor made it, so that an unchanged app is the same image again.
    private PackedLayer Packed(PackJob job)
    {
        if (_previous.Find(job.DiffId.ToString()) is not { } previous)
            return new PackedLayer(job.Id, job.CreatedBy, job.Layer);
        var inStore = _store.Contains(previous.Blob.Digest);
        return new PackedLayer(job.Id, job.CreatedBy, previous) { Reused = true, Origin = inStore ? null : _input.PreviousImage!.Location };
    }

    private void Report(List<PackedLayer> layers)
    {
        var slices = _app.Slices.Select(job => job.Id).ToHashSet();
        var reported = false;
        foreach (var layer in layers)
        {
            if (!slices.Contains(layer.Id))
            {
                _log.Info($"{(layer.Reused ? "Reusing" : "Adding")} layer '{layer.Id}'");
            }
            else if (!reported)
            {
                reported = true;
                ReportSlices(layers.Where(slice => slices.Contains(slice.Id)).ToList());
            }
        }
    }

    private void ReportSlices(List<PackedLayer> slices)
    {
        var reused = slices.Count(slice => slice.Reused);
        if (reused > 0)
            _log.Info($"Reused {reused}/{slices.Count} app layer(s)");
        if (reused < slices.Count)
            _log.Info($"Added {slices.Count - reused}/{slices.Count} app layer(s)");
    }

    // The cache wants the bytes of its layers also when the image has them.
    private Layer PackLaunchLayer(BuildpackLayer layer, CancellationToken cancellationToken) => layer.Toml.Cache
        ? PackDirectory(layer.Directory, cancellationToken)
        : _previous.Pack(_store, _files, layer.Directory, new DirectoryLayerOptions { Owner = _app.Owner }, cancellationToken);

    private Layer PackDirectory(string path, CancellationToken cancellationToken, LayerCompression compression = LayerCompression.Gzip) =>
        DirectoryLayer.Create(_store, _files, path, new DirectoryLayerOptions { Owner = _app.Owner, Compression = compression }, cancellationToken);

    private static LayerSha Sha(PackJob job) => new(job.DiffId.ToString());
}
