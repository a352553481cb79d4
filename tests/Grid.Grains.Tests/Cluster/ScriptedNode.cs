using System.Collections.Concurrent;
using Grid.Contracts.Builds;
using Grid.Contracts.Placement;
using Grid.Contracts.Work;
using Grid.Dockerfiles.Context;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Grains.Tests.Cluster;

/// <summary>All nodes of a test grid, which answer from a script: at once, or when the test says so.</summary>
internal sealed class ScriptedNode : IContexts
{
    private readonly ConcurrentDictionary<string, Work> _work = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();
    private readonly List<WorkItem> _started = [];
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>How owners are told; the client's, which outlives a silo.</summary>
    public IGrainFactory Grains { get; set; } = null!;

    /// <summary>Gives the outcome of a piece of work; null for the usual one.</summary>
    public Func<WorkItem, object?> Script { get; set; } = _ => null;

    /// <summary>What detection finds.</summary>
    public Func<DetectWork, Grid.Lifecycle.Detection> Detect { get; set; } = _ => Samples.Detection();

    /// <summary>Work that does not end before <see cref="Finish"/> or a cancel.</summary>
    public Func<WorkItem, bool> Holds { get; set; } = _ => false;

    /// <summary>Layers that cannot be used, and why.</summary>
    public ConcurrentDictionary<Digest, string> Lost { get; } = new();

    /// <summary>Node that each handle was started on.</summary>
    public ConcurrentDictionary<string, string> Places { get; } = new(StringComparer.Ordinal);

    /// <summary>Nodes that are dead: what runs there never ends.</summary>
    private readonly ConcurrentDictionary<string, bool> _dead = new(StringComparer.Ordinal);

    /// <summary>Builds that have something on a node.</summary>
    public IReadOnlyList<string> BuildsOn(string node)
    {
        var released = Released.ToHashSet(StringComparer.Ordinal);
        lock (_lock)
            return [.. _started.Where(i => Places[i.Handle] == node && !released.Contains(i.BuildKey)).Select(i => i.BuildKey).Distinct()];
    }

    /// <summary>A node dies: nobody is told of what it did.</summary>
    public void Kill(string node) => _dead[node] = true;

    public ConcurrentQueue<string> Cancelled { get; } = new();

    public ConcurrentQueue<string> Released { get; } = new();

    /// <summary>Asked when a build is released; throws what releasing shall throw.</summary>
    public Action<string> OnRelease { get; set; } = _ => { };

    /// <summary>All work in the order it was started, each handle once.</summary>
    public IReadOnlyList<WorkItem> Started
    {
        get
        {
            lock (_lock)
                return [.. _started];
        }
    }

    public ContextIndex Read(Digest index) => ContextIndex.Empty;

    public Task<string?> WhatIsWrongAsync(Layer layer, CancellationToken cancellationToken) => Task.FromResult(Lost.GetValueOrDefault(layer.Blob.Digest));

    public Task FetchAsync(IReadOnlyCollection<Digest> indexes, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>Waits until work that fits has been started.</summary>
    public async Task<T> StartedAsync<T>(Func<T, bool>? fits = null)
        where T : WorkItem
    {
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_started.OfType<T>().FirstOrDefault(i => fits is null || fits(i)) is { } item)
                    return item;
                changed = _changed.Task;
            }
            await changed.WaitAsync(TestGrid.Patience, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Lets held work end, as the script says unless told otherwise.</summary>
    public void Finish(WorkItem item, object? outcome = null) => _work[item.Handle].End.TrySetResult(outcome ?? Outcome(item));

    internal void Start(WorkItem item, string node)
    {
        var work = new Work();
        if (!_work.TryAdd(item.Handle, work))
        {
            // As the agent does: who attaches to what has ended is told again.
            if (_work[item.Handle].End.Task.IsCompleted)
                _ = Task.Run(() => TellAsync(item, _work[item.Handle].End.Task));
            return;
        }
        Places[item.Handle] = node;
        TaskCompletionSource changed;
        lock (_lock)
        {
            _started.Add(item);
            (changed, _changed) = (_changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        if (!Holds(item))
            work.End.TrySetResult(Outcome(item));
        _ = Task.Run(() => TellAsync(item, work.End.Task));
        changed.SetResult();
    }

    internal bool Cancel(string handle)
    {
        Cancelled.Enqueue(handle);
        if (!_work.TryGetValue(handle, out var work) || _dead.ContainsKey(Places[handle]))
            return false;
        work.End.TrySetResult(null);
        return true;
    }

    /// <summary>Tells an owner how work ended, whether it asked or not.</summary>
    public static async Task ReportAsync(IGrainFactory grains, Orleans.Runtime.GrainId owner, WorkReport report) =>
        await grains.GetGrain(owner).AsReference<IWorkOwner>().ReportAsync(report);

    private async Task TellAsync(WorkItem item, Task<object?> end)
    {
        var outcome = await end;
        if (_dead.ContainsKey(Places[item.Handle]))
            return;
        var report = new WorkReport(item.Handle) { Result = outcome as WorkResult, Failure = outcome as Failure };
        for (var attempt = 0; ; attempt++)
        {
            try
            {
                await ReportAsync(Grains, item.Owner, report);
                return;
            }
            catch (Exception e) when (attempt < 200 && e is not OperationCanceledException)
            {
                // The owner's silo is going away; it takes the others a while to know.
                await Task.Delay(25);
            }
        }
    }

    private object? Outcome(WorkItem item) => Script(item) ?? item switch
    {
        AnalyzeWork => new AnalyzeDone(Samples.Analyzed()),
        PinWork work => new PinDone(Samples.Pinned(work.Extension)),
        DetectWork work => new DetectDone(Detect(work)),
        RestoreWork => new RestoreDone(),
        StepWork work => new StepDone(Samples.LayerOf(work.Handle)) { RootUsers = [] },
        BuildWork => new BuildDone(Samples.App()),
        RebaseWork work => new ExportDone(Samples.Report(work.BuildKey)),
        PublishWork work => new ExportDone(Samples.Report(work.BuildKey)),
        ExportWork work => new ExportDone(Samples.Report(work.BuildKey)),
        _ => throw new InvalidOperationException(item.GetType().Name),
    };

    private sealed class Work
    {
        public TaskCompletionSource<object?> End { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>Stands where the real worker grain stands.</summary>
[GrainType("grid.worker"), OnNode]
internal sealed class ScriptedWorkerGrain(ScriptedNode node) : Grain, IWorkerGrain
{
    public Task StartAsync(WorkItem item)
    {
        node.Start(item, this.GetPrimaryKeyString());
        return Task.CompletedTask;
    }

    public Task<bool> CancelAsync(string handle) => Task.FromResult(node.Cancel(handle));

    public Task ReleaseAsync(string buildKey)
    {
        node.OnRelease(buildKey);
        node.Released.Enqueue(buildKey);
        return Task.CompletedTask;
    }
}
