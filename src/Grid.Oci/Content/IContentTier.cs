namespace Grid.Oci.Content;

/// <summary>Content by digest that all nodes share, behind the store each has. What is in it is complete; who reads it verifies the digest all the same.</summary>
public interface IContentTier
{
    /// <summary>How exact the time of a blob's last use is: noting every use would be a write for every look.</summary>
    TimeSpan UseResolution { get; }

    /// <summary>
    /// The size of a blob in bytes; null when it is not there. Counts as use: who relies on the answer finds the blob there until a collection that
    /// takes what was not used since a later time.
    /// </summary>
    Task<long?> FindAsync(Digest digest, CancellationToken cancellationToken);

    /// <summary>Opens a blob for reading from its start; a missing one throws <see cref="Images.BlobNotFoundException"/>.</summary>
    Task<Stream> OpenAsync(Digest digest, CancellationToken cancellationToken);

    /// <summary>
    /// Puts a blob there, or does nothing when it is there already. One that was interrupted goes on where it stopped, where the tier can. Content that
    /// has another digest throws <see cref="InvalidDataException"/> and leaves nothing that could be read.
    /// </summary>
    /// <param name="digest">Its name.</param>
    /// <param name="content">Its bytes, from the current position; its length must be known.</param>
    /// <param name="cancellationToken">Stops it.</param>
    Task PutAsync(Digest digest, Stream content, CancellationToken cancellationToken);

    /// <summary>The blobs whose digest begins with this byte, in no order; those that come and go meanwhile may be among them or not.</summary>
    IAsyncEnumerable<StoredBlob> ListAsync(byte first, CancellationToken cancellationToken);

    /// <summary>
    /// Removes a blob unless it has been used since; says whether it did. Whoever uses or puts it at the same moment, from whichever node, either keeps it
    /// or finds it missing.
    /// </summary>
    Task<bool> RemoveUnusedAsync(Digest digest, DateTimeOffset notUsedSince, CancellationToken cancellationToken);
}
