using System.Diagnostics;
using Grid.Buildpacks;
using Grid.Contracts.Builds;
using Grid.Grains.Machines;
using Grid.Lifecycle.Export;

namespace Grid.Grains.Builds;

/// <summary>What others are told of a build.</summary>
internal static class BuildAnswers
{
    /// <summary>What the reference calls the layers that hold the app's own files (platform.md §exporter: slices).</summary>
    private const string SlicePrefix = "slice-";

    /// <summary>What it calls those that the lifecycle makes itself.</summary>
    private const string LifecyclePrefix = "buildpacksio/lifecycle:";

    /// <summary>Where it stands.</summary>
    public static BuildStatus StatusOf(string key, BuildGrainState state) => new()
    {
        BuildKey = key,
        State = state.Progress.State,
        Failure = state.Progress.Failure ?? (state.Progress.State == BuildState.Cancelled ? new Failure((int)ExitCode.Failed, $"cancelled: {state.Progress.CancelReason}") : null),
        Image = state.Progress.State == BuildState.Succeeded ? state.Image : null,
        BuildId = state.BuildId,
        Phases = [.. state.Progress.Phases],
        FinishedAt = state.FinishedAt,
    };

    /// <summary>What is known of it beyond that.</summary>
    public static BuildDetails DetailsOf(BuildGrainState state)
    {
        // After detection: the run image that an extension switched to.
        var analyzed = state.Detection?.Analyzed ?? state.Analyzed;
        return new BuildDetails
        {
            Builder = analyzed?.Builder.Location,
            RunImage = analyzed?.RunImage.Location,
            Group = state.Detection?.Group,
            Plan = state.Detection?.Plan,
            Dockerfiles = [.. state.Pinned?.Dockerfiles ?? state.Detection?.Dockerfiles ?? []],
            Layers = [.. LayersOf(state)],
            Times = state.Times,
            ProjectMetadata = state.Fetched?.ProjectMetadata,
            TraceId = ActivityContext.TryParse(state.TraceParent, null, out var context) ? context.TraceId.ToHexString() : null,
        };
    }

    /// <summary>The exit code of the whole, which the specification gives for the phase that failed.</summary>
    public static int ExitCodeOf(BuildProgress progress) =>
        progress.State == BuildState.Succeeded ? 0 : progress.Failure?.ExitCode ?? (int)ExitCode.Failed;

    private static IEnumerable<ImageLayer> LayersOf(BuildGrainState state)
    {
        if ((state.Pinned is null ? state.RunImage : state.RunImage ?? state.BuildImage) is { } extended)
        {
            foreach (var layer in extended.Base.Layers)
                yield return new ImageLayer(LayerOrigin.Base, extended.Base.Location, layer.DiffId.ToString(), layer.Blob.Size);
            foreach (var added in extended.Added)
                yield return new ImageLayer(LayerOrigin.Extension, added.ExtensionId, added.Layer.DiffId.ToString(), added.Layer.Blob.Size) { CreatedBy = added.CreatedBy, Reused = added.Origin is not null };
        }
        foreach (var layer in state.App?.Layers ?? [])
            yield return new ImageLayer(OriginOf(layer), layer.Id, layer.Layer.DiffId.ToString(), layer.Layer.Blob.Size) { CreatedBy = layer.CreatedBy, Reused = layer.Reused };
    }

    private static LayerOrigin OriginOf(PackedLayer layer) =>
        layer.Id.StartsWith(SlicePrefix, StringComparison.Ordinal) ? LayerOrigin.App
            : layer.Id.StartsWith(LifecyclePrefix, StringComparison.Ordinal) ? LayerOrigin.Lifecycle : LayerOrigin.Buildpack;
}
