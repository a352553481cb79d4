using Grid.Contracts.Builds;
using Orleans.Concurrency;

namespace Grid.Contracts.Work;

/// <summary>A node, keyed by its name: forwards to the node's agent. Lives on that node.</summary>
[Alias("grid.IWorkerGrain")]
public interface IWorkerGrain : IGrainWithStringKey
{
    /// <summary>Starts the work, or attaches when its handle already runs; returns at once. The outcome goes to the work's owner.</summary>
    [Alias("Start"), AlwaysInterleave]
    Task StartAsync(WorkItem item);

    /// <summary>Stops the work with this handle: its processes are killed and the owner is told. False when the node has no such work.</summary>
    [Alias("Cancel"), AlwaysInterleave]
    Task<bool> CancelAsync(string handle);

    /// <summary>The build reached its end: what it left on the node can go.</summary>
    [Alias("Release"), AlwaysInterleave]
    Task ReleaseAsync(string buildKey);
}

/// <summary>A grain that asked for work and is told how it ended.</summary>
[Alias("grid.IWorkOwner")]
public interface IWorkOwner : IGrainWithStringKey
{
    /// <summary>How a piece of work ended. Reports of work that is no longer wanted are ignored.</summary>
    [Alias("Report")]
    Task ReportAsync(WorkReport report);
}

/// <summary>How a piece of work ended: <see cref="Result"/>, or <see cref="Failure"/>, or cancelled when both are null.</summary>
[GenerateSerializer, Immutable, Alias("grid.WorkReport")]
public sealed record WorkReport([property: Id(0)] string Handle)
{
    [Id(1)] public WorkResult? Result { get; init; }

    [Id(2)] public Failure? Failure { get; init; }

    public bool Cancelled => Result is null && Failure is null;
}
