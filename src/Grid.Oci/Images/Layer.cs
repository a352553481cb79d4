namespace Grid.Oci.Images;

/// <summary>A layer under both its names: the blob (compressed, as stored and pushed) and the diff ID (its uncompressed tar).</summary>
/// <param name="Blob">Media type, digest and size of the compressed bytes.</param>
/// <param name="DiffId">Digest of the uncompressed tar.</param>
public sealed record Layer(Descriptor Blob, Digest DiffId);

/// <summary>Where a blob can be read from: a registry repository, a layout directory, the node's content store.</summary>
public interface IBlobSource
{
    /// <summary>Opens a blob for reading from its start. The reader verifies the digest; a missing blob throws <see cref="BlobNotFoundException"/>.</summary>
    Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken);
}

/// <summary>A blob that should be there is not.</summary>
public sealed class BlobNotFoundException(string message) : IOException(message);
