using Grid.Dockerfiles.Context;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Grains;

/// <summary>The little a chain needs of the bytes plane: which files a context has, and whether a layer is there.</summary>
public interface IContexts
{
    /// <summary>A context's index; missing is an <see cref="IOException"/>.</summary>
    ContextIndex Read(Digest index);

    /// <summary>Whether a layer's blob can be used.</summary>
    bool Has(Layer layer);
}
