using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layouts;

namespace Grid.Cli.Lifecycle;

/// <summary>
/// The volume that restorer and extenders share, <c>/kaniko</c> (platform.md: <c>&lt;kaniko-dir&gt;</c> has this value and no other). Images to extend are in
/// <c>cache/base/DIGEST</c>, each an OCI layout with manifest and configuration only: an extender runs in the image and has its files.
/// </summary>
internal static class KanikoDirectory
{
    public const string Path = "/kaniko";

    /// <summary>Where cached extension layers are.</summary>
    public const string Layers = Path + "/cache/layers";

    public static bool Exists => Directory.Exists(Path);

    /// <summary>Keeps manifest and configuration of an image for extenders.</summary>
    public static async Task SaveBaseAsync(ImageStores images, PinnedImage pinned, CancellationToken cancellationToken)
    {
        var image = await images.FindAsync(pinned.ToLocation(), HostPlatform.Current, cancellationToken)
            ?? throw new BlobNotFoundException($"the image {pinned.Location} is gone");
        var content = await ImageContent.CopyAsync(image, origin: null, cancellationToken);
        var layout = new LayoutImageStore();
        await layout.PushAsync(content with { Layers = [] }, Base(image.Manifest.Digest), null, cancellationToken);
    }

    /// <summary>Where the base image of a digest is.</summary>
    public static ImageLocation.Layout Base(Digest digest) => new($"{Path}/cache/base/{digest}", Tag: null, digest);
}
