namespace Grid.Oci.Images;

/// <summary>Turns names that can move into names that cannot.</summary>
public static class ImagePinning
{
    /// <summary>
    /// The location with the image's digest, so that later phases read the same image even when the tag has moved. For a Docker engine it
    /// is the image's ID (the configuration's digest), which is what the engine finds images by.
    /// </summary>
    public static ImageLocation Pinned(this Image image, ImageLocation location) => location switch
    {
        ImageLocation.Registry registry => registry with { Reference = registry.Reference with { Digest = image.Manifest.Digest } },
        ImageLocation.Layout layout => layout with { Digest = image.Manifest.Digest },
        ImageLocation.Docker => new ImageLocation.Docker((image.ConfigBlob ?? image.Manifest).Digest.ToString()),
        _ => location,
    };
}
