using Grid.Dockerfiles.Context;
using Grid.Grains;
using Grid.Lifecycle.Extend;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;

namespace Grid.Hosting;

/// <summary>Contexts and layers as this node's content store has them.</summary>
internal sealed class NodeContexts(ContentStore content) : IContexts
{
    public ContextIndex Read(Digest index) => index.IsEmpty ? ContextIndex.Empty : ContextStore.Read(content, index);

    // Hashing a big layer takes a while: not on the grain's thread.
    public Task<string?> WhatIsWrongAsync(Layer layer) => Task.Run(() => content.Check(layer.Blob) switch
    {
        BlobCheck.Intact => null,
        BlobCheck.Damaged => "its cached layer was damaged",
        _ => "its cached layer is gone",
    });
}
