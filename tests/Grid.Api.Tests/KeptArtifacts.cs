using System.Collections.Concurrent;
using Grid.Contracts.Builds;

namespace Grid.Api.Tests;

/// <summary>Artifacts of builds in memory.</summary>
internal sealed class KeptArtifacts : IBuildArtifacts
{
    private readonly ConcurrentDictionary<(string Build, ArtifactPart Part), IReadOnlyList<ArtifactFile>> _parts = new();

    public Task WriteAsync(string buildKey, ArtifactPart part, IReadOnlyList<ArtifactFile> files, CancellationToken cancellationToken)
    {
        _parts[(buildKey, part)] = files;
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<ArtifactFile>> ReadAsync(string buildKey, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<ArtifactFile>>([.. _parts.Where(p => p.Key.Build == buildKey).OrderBy(p => p.Key.Part).SelectMany(p => p.Value).DistinctBy(f => f.Name)]);

    public Task RemoveAsync(string buildKey, CancellationToken cancellationToken) => Task.CompletedTask;
}
