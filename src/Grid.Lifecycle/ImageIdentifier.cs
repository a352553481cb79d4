using Grid.Oci;

namespace Grid.Lifecycle;

/// <summary>How labels and files name an image that cannot change (analyzed.toml, the app's <c>runImage.reference</c>), in the reference's forms.</summary>
public static class ImageIdentifier
{
    /// <summary>
    /// <c>registry/repository@sha256:…</c> in a registry, <c>DIRECTORY@sha256:…</c> in an OCI layout, the image's ID in a Docker engine. A location that is not
    /// pinned is written as it is.
    /// </summary>
    public static string Of(ImageLocation pinned) => pinned switch
    {
        ImageLocation.Registry { Reference: { Digest.IsEmpty: false } reference } => (reference with { Tag = null }).ToString(),
        ImageLocation.Layout { Digest.IsEmpty: false } layout => $"{layout.Directory}@{layout.Digest}",
        ImageLocation.Docker docker => docker.Name,
        _ => pinned.ToString(),
    };
}
