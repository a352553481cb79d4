using System.Collections.Concurrent;
using Grid.Contracts.Builds;
using Grid.Contracts.Placement;
using Grid.Contracts.Work;
using Grid.Dockerfiles.Context;
using Grid.Grains;
using Grid.Grains.Tests;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Benchmarks.Orchestration;

/// <summary>A node whose work is only time: it reports complete results that mean nothing, as the real agent would report real ones.</summary>
internal sealed class SimulatedNode(SimulatedNode.Settings settings, IGrainFactory grains) : IContexts
{
    /// <summary>Shared by the nodes of a grid.</summary>
    internal sealed class Settings
    {
        public BuildShape Shape { get; set; } = BuildShape.Plain;

        /// <summary>Builds a node takes; 0 lets all wait.</summary>
        public int Slots { get; set; }

        /// <summary>The silos are being stopped: what still runs has nobody to report to.</summary>
        public bool IsOver { get; set; }
    }

    private readonly ConcurrentDictionary<string, ConcurrentBag<string>> _builds = new(StringComparer.Ordinal);

    /// <summary>Builds that have something here.</summary>
    public string[] Builds => [.. _builds.Keys];

    public int Slots => settings.Slots;

    public void Start(WorkItem item)
    {
        _builds.GetOrAdd(item.BuildKey, _ => []).Add(item.Handle);
        _ = Task.Run(() => RunAsync(item));
    }

    public void Release(string buildKey) => _builds.TryRemove(buildKey, out _);

    public Task FetchAsync(IReadOnlyCollection<Digest> indexes, CancellationToken cancellationToken) => Task.CompletedTask;

    public ContextIndex Read(Digest index) => ContextIndex.Empty;

    public Task<string?> WhatIsWrongAsync(Layer layer, CancellationToken cancellationToken) => Task.FromResult<string?>(null);

    private async Task RunAsync(WorkItem item)
    {
        if (item is BuildWork && settings.Shape.Work > TimeSpan.Zero)
            await Task.Delay(settings.Shape.Work, TimeProvider.System);
        try
        {
            await grains.GetGrain<IWorkOwner>(item.Owner).ReportAsync(new WorkReport(item.Handle) { Result = ResultOf(item) });
        }
        catch (Exception) when (settings.IsOver)
        {
            // Expected.
        }
        catch (Exception e)
        {
            // Nobody tells it again: the figures of this run are worth nothing.
            await Console.Error.WriteLineAsync($"benchmark: {item.Handle} could not be reported: {e}");
        }
    }

    private WorkResult ResultOf(WorkItem item) => item switch
    {
        AnalyzeWork => new AnalyzeDone(Samples.Analyzed()),
        DetectWork => new DetectDone(settings.Shape.Detect(item.BuildKey)),
        RestoreWork => new RestoreDone(),
        StepWork => new StepDone(Samples.LayerOf(item.Handle)),
        BuildWork => new BuildDone(Samples.App()),
        ExportWork => new ExportDone(Samples.Report(item.BuildKey)),
        _ => throw new InvalidOperationException(item.GetType().Name),
    };
}

/// <summary>Stands where the real worker grain stands.</summary>
[GrainType("grid.worker"), OnNode]
internal sealed class SimulatedWorkerGrain(SimulatedNode node) : Grain, IWorkerGrain
{
    public Task StartAsync(WorkItem item)
    {
        node.Start(item);
        return Task.CompletedTask;
    }

    public Task<bool> CancelAsync(string handle) => Task.FromResult(false);

    public Task ReleaseAsync(string buildKey)
    {
        node.Release(buildKey);
        return Task.CompletedTask;
    }
}
