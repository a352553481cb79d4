using Grid.Oci;
using Grid.Oci.Content;
using Grid.Worker;

namespace Grid.Hosting.Content;

/// <summary>The shared tier as workers use it.</summary>
internal sealed class WorkerContent(TieredContent content) : ISharedContent
{
    public Task FetchAsync(IReadOnlyCollection<Digest> blobs, CancellationToken cancellationToken) => content.FetchAsync(blobs, cancellationToken);

    public Task PublishAsync(IReadOnlyCollection<Digest> blobs, CancellationToken cancellationToken) => content.PublishAsync(blobs, cancellationToken);
}
