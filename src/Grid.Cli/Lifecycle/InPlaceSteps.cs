using Grid.Grains.Machines;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Extend;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime.InPlace;

namespace Grid.Cli.Lifecycle;

/// <summary>Runs steps in the container itself. Layers from the cache are applied when a step needs them, so that a chain that is all cached touches no file.</summary>
internal sealed class InPlaceSteps(ExtensionLayerCache cache, IReadOnlyList<string> excluded, string contextsDirectory, IPhaseLog log)
{
    private readonly StepExecutor _executor = new(new InPlaceRuntime(cache.Content, excluded), cache.Content, new SandboxLimits(), contextsDirectory);
    private readonly Queue<Layer> _notApplied = new();

    /// <summary>The layer of a step, from the cache or by running it; null when it makes none.</summary>
    public async Task<Layer?> RunAsync(ChainStep step, PinnedImage image, ChainPosition position, CancellationToken cancellationToken)
    {
        if (step.Key is not { } key)
        {
            log.Debug(step.Planned.Text);
            return null;
        }
        if (cache.Find(key) is { } known)
        {
            log.Info($"{step.Planned.Text} (cached)");
            if (known.Layer is not null)
                _notApplied.Enqueue(known.Layer);
            return known.Layer;
        }
        await CatchUpAsync(cancellationToken);
        log.Info(step.Planned.Text);
        var input = new StepInput
        {
            Parent = [.. image.Layers, .. position.Added.Select(a => a.Layer)],
            BaseLocation = image.Location,
            Step = step.Planned,
            Context = step.Source.Context,
            Label = ExtensionChain.Label(step),
        };
        var layer = await _executor.RunAsync($"step-{step.Name.Number}", input, cache.Content, log, cancellationToken);
        cache.Add(key, layer);
        return layer;
    }

    /// <summary>Brings the container's files to where the chain is.</summary>
    public async Task CatchUpAsync(CancellationToken cancellationToken)
    {
        while (_notApplied.TryDequeue(out var layer))
            await LayerUnpacker.ApplyAsync(cache.Content, layer, "/", cancellationToken);
    }
}
