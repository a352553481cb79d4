namespace Grid.Oci.Images;

/// <summary>A finished image, ready to be written somewhere: the exact bytes of manifest and configuration, and where its layers are.</summary>
/// <param name="Manifest">The manifest's bytes; their digest is the image's digest.</param>
/// <param name="ManifestMediaType">OCI's or Docker's type of manifest.</param>
/// <param name="Config">The configuration's bytes.</param>
/// <param name="ConfigMediaType">OCI's or Docker's type of configuration.</param>
/// <param name="Layers">As many as the manifest has, in its order.</param>
public sealed record ImageContent(
    ReadOnlyMemory<byte> Manifest, string ManifestMediaType, ReadOnlyMemory<byte> Config, string ConfigMediaType, IReadOnlyList<LayerSource> Layers)
{
    /// <summary>The digest of the image: that of its manifest.</summary>
    public Digest Digest => Digest.Compute(Manifest.Span);

    /// <summary>The manifest's descriptor.</summary>
    public Descriptor ManifestDescriptor => new(ManifestMediaType, Digest, Manifest.Length);

    /// <summary>The configuration's descriptor; its digest is what Docker calls the image's ID.</summary>
    public Descriptor ConfigDescriptor => new(ConfigMediaType, Digest.Compute(Config.Span), Config.Length);

    /// <summary>An image as it is, byte for byte, to be written to another place.</summary>
    /// <param name="image">What a store found.</param>
    /// <param name="origin">Where it was found, so that a push into the same registry mounts instead of copying.</param>
    /// <param name="cancellationToken">Stops reading.</param>
    public static async Task<ImageContent> CopyAsync(Image image, ImageLocation? origin, CancellationToken cancellationToken)
    {
        var manifest = await ImageDocuments.ReadBytesAsync(image.Blobs, image.Manifest, ImageDocuments.MaxManifestBytes, cancellationToken);
        var config = ImageDocuments.ReadManifest(manifest, image.Manifest.Digest.ToString()).Config;
        var bytes = await ImageDocuments.ReadBytesAsync(image.Blobs, config, ImageDocuments.MaxConfigBytes, cancellationToken);
        return new ImageContent(
            manifest, image.Manifest.MediaType, bytes, config.MediaType, [.. image.Layers.Select(layer => new LayerSource(layer, image.Blobs, origin))]);
    }
}

/// <summary>A layer and where its bytes come from.</summary>
/// <param name="Layer">The layer.</param>
/// <param name="Blobs">Opens the compressed bytes, when they have to be sent.</param>
/// <param name="Origin">Where the blob already is. In the target's registry it is mounted from there, and nobody downloads it.</param>
public sealed record LayerSource(Layer Layer, IBlobSource Blobs, ImageLocation? Origin);

/// <summary>
/// A blob source whose blobs are files of this machine, so that they can be hard-linked instead of copied. It vouches for them: they were
/// verified when they were stored, and are never changed in place.
/// </summary>
public interface IBlobFiles : IBlobSource
{
    /// <summary>The file that holds exactly this blob, or null when there is none.</summary>
    string? PathOf(Descriptor blob);
}

/// <summary>Bytes in memory as a blob source.</summary>
public sealed class MemoryBlobs : IBlobSource
{
    private readonly System.Collections.Concurrent.ConcurrentDictionary<Digest, ReadOnlyMemory<byte>> _blobs = new();

    /// <summary>Adds a blob and gives its descriptor.</summary>
    public Descriptor Add(ReadOnlyMemory<byte> content, string mediaType)
    {
        var digest = Digest.Compute(content.Span);
        _blobs[digest] = content;
        return new Descriptor(mediaType, digest, content.Length);
    }

    /// <inheritdoc/>
    public Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken) =>
        _blobs.TryGetValue(blob.Digest, out var content)
            ? Task.FromResult<Stream>(new MemoryStream(content.ToArray(), writable: false))
            : throw new BlobNotFoundException($"blob {blob.Digest} is not in memory");
}
