using Grid.Oci;

namespace Grid.Worker;

/// <summary>How nodes share blobs that are in no registry: sources, contexts, layers of steps and of apps.</summary>
public interface ISharedContent
{
    /// <summary>Brings blobs to this node's content store that others made and it has not. One that is nowhere is left out: whoever opens it says so.</summary>
    Task FetchAsync(IReadOnlyCollection<Digest> blobs, CancellationToken cancellationToken);

    /// <summary>Makes blobs of this node's content store available to others. When it returns they outlive this node; one the store has not is left out.</summary>
    Task PublishAsync(IReadOnlyCollection<Digest> blobs, CancellationToken cancellationToken);
}

/// <summary>A grid of one node: its content store is all there is.</summary>
public sealed class OneNodeContent : ISharedContent
{
    public Task FetchAsync(IReadOnlyCollection<Digest> blobs, CancellationToken cancellationToken) => Task.CompletedTask;

    public Task PublishAsync(IReadOnlyCollection<Digest> blobs, CancellationToken cancellationToken) => Task.CompletedTask;
}
