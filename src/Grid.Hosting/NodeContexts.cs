using Grid.Dockerfiles.Context;
using Grid.Grains;
using Grid.Lifecycle.Extend;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;

namespace Grid.Hosting;

/// <summary>Contexts and layers as this node's content store and the shared tier have them.</summary>
internal sealed class NodeContexts(ContentStore content, TieredContent shared) : IContexts
{
    public Task FetchAsync(IReadOnlyCollection<Digest> indexes, CancellationToken cancellationToken) => shared.FetchAsync(indexes, cancellationToken);

    public ContextIndex Read(Digest index) => index.IsEmpty ? ContextIndex.Empty : ContextStore.Read(content, index);

    public Task<bool> HasAsync(Layer layer, CancellationToken cancellationToken) => shared.HasAsync(layer.Blob, cancellationToken);
}
