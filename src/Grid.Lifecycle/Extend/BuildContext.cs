using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Extend;

/// <summary>A build context in the content store.</summary>
/// <param name="Archive">The files, packed with relative names.</param>
/// <param name="Index">Digest of its <c>ContextIndex</c> (JSON) in the content store; empty when no COPY or ADD needs one.</param>
public sealed record BuildContext(Layer Archive, Digest Index)
{
    /// <summary>A context without files.</summary>
    public static readonly BuildContext Empty = new(new Layer(new Descriptor(MediaTypes.OciLayer, default, 0), default), default);
}
