using Grid.Dockerfiles.Keys;
using Grid.Dockerfiles.Planning;
using Grid.Grains.Machines;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Extend;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Network;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime.InPlace;

namespace Grid.Cli.Lifecycle;

/// <summary>Runs steps in the container itself. Layers from the cache are applied when a step needs them, so that a chain that is all cached touches no file.</summary>
internal sealed class InPlaceSteps : IDisposable
{
    private readonly ExtensionLayerCache _cache;
    private readonly string _scope;
    private readonly IPhaseLog _log;
    private readonly UrlFetcher _urls;
    private readonly StepExecutor _executor;
    private readonly StepScratch _scratch = new();
    private readonly Queue<Layer> _notApplied = new();

    /// <param name="cache">Layers of earlier runs; cache volumes are beside them.</param>
    /// <param name="scope">The scope of the chain's keys.</param>
    /// <param name="excluded">Paths that are never part of a layer.</param>
    /// <param name="contextsDirectory">Where build contexts are unpacked.</param>
    /// <param name="log">Takes what steps print.</param>
    public InPlaceSteps(ExtensionLayerCache cache, string scope, IReadOnlyList<string> excluded, string contextsDirectory, IPhaseLog log)
    {
        (_cache, _scope, _log, _urls) = (cache, scope, log, new UrlFetcher(cache.Content, HostPolicy.Own));
        // The reference's extender knows no secrets either.
        var resources = new StepResources(new ContextStore(cache.Content, contextsDirectory), new CacheVolumes(cache.VolumesDirectory), _ => null, _urls, _scratch);
        _executor = new StepExecutor(new InPlaceRuntime(cache.Content, excluded), cache.Content, new SandboxLimits(), resources)
        {
            // In place there is no image as it was before.
            ListsPackages = false,
        };
    }

    /// <summary>Fetches what the next step names by URL, so that it has a key.</summary>
    public async Task<ChainPosition> FetchAsync(ChainStep step, ChainPosition position, CancellationToken cancellationToken)
    {
        var fetched = new List<FetchedUrl>();
        try
        {
            foreach (var url in step.ToFetch)
                fetched.Add(await _urls.FetchAsync(url, expected: null, cancellationToken));
        }
        catch (FormatException e)
        {
            throw new StepFailedException($"{ExtensionChain.Label(step)}: {e.Message}");
        }
        return position with { Fetched = fetched };
    }

    public void Dispose()
    {
        _scratch.Dispose();
        _urls.Dispose();
    }

    /// <summary>What a step gave, from the cache or by running it; null when it only changes the configuration.</summary>
    public async Task<CachedStep?> RunAsync(ChainStep step, PinnedImage image, ChainPosition position, CancellationToken cancellationToken)
    {
        if (step.Key is not { } key)
        {
            _log.Debug(step.Planned.Text);
            return null;
        }
        if (_cache.Find(key) is { } known)
        {
            _log.Info($"{step.Planned.Text} (cached)");
            if (known.Layer is not null)
                _notApplied.Enqueue(known.Layer);
            return known;
        }
        var linked = step.Planned is CopyStep { Link: true };
        // It neither sees the container's files nor changes them.
        if (!linked)
            await CatchUpAsync(cancellationToken);
        _log.Info(step.Planned.Text);
        var input = new StepInput
        {
            Parent = [.. image.Layers, .. position.Added.Select(a => a.Layer)],
            BaseLocation = image.Location,
            Step = step.Planned,
            Context = step.Source.Context,
            Scope = _scope,
            Fetched = position.Fetched,
            Label = ExtensionChain.Label(step),
        };
        var (layer, _, rootUsers) = await _executor.RunAsync($"step-{step.Name.Number}", input, _cache.Content, _log, cancellationToken);
        var result = new CachedStep(layer, rootUsers?.ToArray());
        _cache.Add(key, result);
        if (linked && layer is not null)
            _notApplied.Enqueue(layer);
        return result;
    }

    /// <summary>Brings the container's files to where the chain is.</summary>
    public async Task CatchUpAsync(CancellationToken cancellationToken)
    {
        while (_notApplied.TryDequeue(out var layer))
            await LayerUnpacker.ApplyAsync(_cache.Content, layer, "/", cancellationToken);
    }
}
