using System.Diagnostics;
using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Contenders;

/// <summary>Something that applies the Dockerfiles of a workload.</summary>
internal interface IContender
{
    string Name { get; }

    /// <summary>Whether it has a cache that a second run hits.</summary>
    bool HasCache { get; }

    /// <summary>Whether the Dockerfiles of a workload can be applied at the same time.</summary>
    bool CanDoBothAtOnce { get; }

    /// <summary>Applies one Dockerfile; when cold every step runs, whatever is cached.</summary>
    Task ApplyAsync(Workload workload, string kind, bool cold, CancellationToken cancellationToken);
}

/// <summary>Timing of contenders.</summary>
internal static class ContenderTiming
{
    /// <summary>Seconds for all Dockerfiles of a workload.</summary>
    public static async Task<double> TimeAsync(this IContender contender, Workload workload, bool cold, bool atOnce, CancellationToken cancellationToken)
    {
        var clock = Stopwatch.GetTimestamp();
        if (atOnce)
            await Task.WhenAll(workload.Kinds.Select(kind => contender.ApplyAsync(workload, kind, cold, cancellationToken)));
        else
            foreach (var kind in workload.Kinds)
                await contender.ApplyAsync(workload, kind, cold, cancellationToken);
        return Stopwatch.GetElapsedTime(clock).TotalSeconds;
    }
}
