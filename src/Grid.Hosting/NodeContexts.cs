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

    public bool Has(Layer layer) => File.Exists(content.PathOf(layer.Blob.Digest)) && new FileInfo(content.PathOf(layer.Blob.Digest)).Length == layer.Blob.Size;
}
