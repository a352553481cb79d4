using Grid.Dockerfiles.Context;
using Grid.Grains;
using Grid.Lifecycle.Extend;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;

namespace Grid.Hosting;

/// <summary>Contexts and layers as this node's content store has them, and the tier behind it.</summary>
internal sealed class NodeContexts(ContentStore content, TieredContent tiered) : IContexts
{
    public ContextIndex Read(Digest index) => index.IsEmpty ? ContextIndex.Empty : ContextStore.Read(content, index);

    public async Task<string?> WhatIsWrongAsync(Layer layer)
    {
        // Hashing a big layer takes a while: not on the grain's thread.
        var check = await Task.Run(() => content.Check(layer.Blob));
        if (check == BlobCheck.Intact || await tiered.HasAsync(layer.Blob, CancellationToken.None))
            return null;
        return check == BlobCheck.Damaged ? "its cached layer was damaged" : "its cached layer is gone";
    }
}
