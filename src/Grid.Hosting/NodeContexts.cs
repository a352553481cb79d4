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

    public async Task<string?> WhatIsWrongAsync(Layer layer, CancellationToken cancellationToken)
    {
        // Hashing a big layer takes a while: not on the grain's thread.
        var check = await Task.Run(() => content.Check(layer.Blob), cancellationToken);
        if (check == BlobCheck.Intact || await shared.HasAsync(layer.Blob, cancellationToken))
            return null;
        return check == BlobCheck.Damaged ? "its cached layer was damaged" : "its cached layer is gone";
    }
}
