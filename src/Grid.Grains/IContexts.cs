using Grid.Dockerfiles.Context;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Grains;

/// <summary>The little a chain needs of the bytes plane: which files a context has, and whether a layer is there.</summary>
public interface IContexts
{
    /// <summary>Brings indexes to this silo's node that another node made.</summary>
    Task FetchAsync(IReadOnlyCollection<Digest> indexes, CancellationToken cancellationToken);

    /// <summary>A context's index, after <see cref="FetchAsync"/>; missing is an <see cref="IOException"/>.</summary>
    ContextIndex Read(Digest index);

    /// <summary>
    /// Whether a layer's blob can be used by any node of the grid: there, with its size, and here with its digest when it is looked at for the first time.
    /// Null when it can; otherwise what is wrong, in words. Counts as a use.
    /// </summary>
    Task<string?> WhatIsWrongAsync(Layer layer, CancellationToken cancellationToken);
}
