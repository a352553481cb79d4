namespace Grid.Oci.Images;

/// <summary>One kind of place where images live: registries, OCI layout directories, a Docker engine.</summary>
public interface IImageStore
{
    /// <summary>Whether this store is the one for such a location.</summary>
    bool Handles(ImageLocation location);

    /// <summary>
    /// Reads manifest and configuration of an image; layers are read later, through <see cref="Image.Blobs"/>. An index is resolved to the platform.
    /// </summary>
    /// <returns>The image, or null only when it is really not there.</returns>
    /// <exception cref="ImageAccessException">The store refused, or could not be reached.</exception>
    /// <exception cref="ImageFormatException">What is there is not a valid image, or an index without the platform.</exception>
    Task<Image?> FindAsync(ImageLocation location, Platform platform, CancellationToken cancellationToken);

    /// <summary>Finds out whether an image may be written there, and leaves nothing behind.</summary>
    /// <exception cref="ImageAccessException">It may not, with the reason and what to do.</exception>
    Task CheckWriteAsync(ImageLocation location, CancellationToken cancellationToken);

    /// <summary>Writes an image: its blobs first, then the manifest under the tag. Blobs that are already there are not sent again.</summary>
    /// <returns>The location pinned by digest.</returns>
    /// <exception cref="ImageAccessException">The store refused, or could not be reached.</exception>
    Task<ImageLocation> PushAsync(
        ImageContent image, ImageLocation target, IProgress<PushProgress>? progress, CancellationToken cancellationToken);
}

/// <summary>What happened to a blob of an image that is being pushed. Reported from any thread.</summary>
/// <param name="Blob">The layer or configuration.</param>
/// <param name="Step">What is being done with it.</param>
/// <param name="Sent">Bytes sent so far.</param>
public sealed record PushProgress(Descriptor Blob, PushStep Step, long Sent);

/// <summary>The ways of a blob to its target.</summary>
public enum PushStep
{
    /// <summary>It was there already.</summary>
    Exists = 0,

    /// <summary>The target took it from another repository of its own, or by a hard link; no bytes were sent.</summary>
    Mounted = 1,

    /// <summary>Bytes are on their way.</summary>
    Sending = 2,

    /// <summary>All bytes were sent and accepted.</summary>
    Sent = 3,
}
