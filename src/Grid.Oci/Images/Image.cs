namespace Grid.Oci.Images;

/// <summary>
/// An image as an immutable view: manifest and configuration are in memory, layers are read through <see cref="Blobs"/> when somebody
/// needs them (a fully cached extension never does).
/// </summary>
/// <param name="Manifest">Descriptor of the manifest: its digest is the image's digest.</param>
/// <param name="Config">The parsed configuration.</param>
/// <param name="Layers">Bottom first; blob descriptors of the manifest paired with the configuration's diff IDs.</param>
/// <param name="Blobs">Where the layers' bytes come from.</param>
public sealed record Image(Descriptor Manifest, ImageConfig Config, IReadOnlyList<Layer> Layers, IBlobSource Blobs)
{
    /// <summary>Descriptor of the configuration's bytes; its digest is what Docker calls the image's ID. Null when an image was put together by hand.</summary>
    public Descriptor? ConfigBlob { get; init; }
}
