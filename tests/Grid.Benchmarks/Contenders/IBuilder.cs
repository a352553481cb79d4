using Grid.Benchmarks.Workspace;

namespace Grid.Benchmarks.Contenders;

/// <summary>A program that applies one Dockerfile to a base image.</summary>
internal interface IBuilder
{
    string Name { get; }

    /// <summary>Whether it has a cache that a second run hits.</summary>
    bool HasCache { get; }

    /// <summary>Whether several Dockerfiles can be applied at the same time.</summary>
    bool CanDoBothAtOnce { get; }

    /// <summary>Applies one Dockerfile.</summary>
    /// <param name="workload">Whose Dockerfile.</param>
    /// <param name="kind">Which of them.</param>
    /// <param name="edit">What is put for <see cref="Workload.Edit"/>.</param>
    /// <param name="cold">Whether every step runs, whatever is cached.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task ApplyAsync(Workload workload, string kind, string edit, bool cold, CancellationToken cancellationToken);
}
