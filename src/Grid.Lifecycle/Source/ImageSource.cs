using Grid.Buildpacks;
using Grid.Buildpacks.Toml;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Lifecycle.Source;

/// <summary>Source from an image in a registry: its layers one above the other are the app's files. Owners, devices and attributes mean nothing there.</summary>
/// <param name="store">Where layers, and the packed source, go.</param>
/// <param name="images">Has the image.</param>
public sealed class ImageSource(ContentStore store, ImageStores images)
{
    private const long MaxBytes = 2L << 30;
    private static readonly LayerLimits Limits = new() { MaxBytes = 8L << 30, MaxEntries = 500_000 };

    /// <summary>Fetches, packs, and says which image it was.</summary>
    /// <exception cref="LifecycleException">It cannot be had, is too large, or holds what no source does.</exception>
    public async Task<PackedSource> FetchAsync(ImageLocation location, string path, IPhaseLog log, CancellationToken cancellationToken)
    {
        var image = await images.FindAsync(location, HostPlatform.Current, cancellationToken)
            ?? throw new LifecycleException(ExitCode.Failed, $"there is no source image {location}; check its name");
        if (image.Layers.Sum(l => l.Blob.Size) > MaxBytes)
            throw new LifecycleException(ExitCode.Failed, $"source image {location} has more than {MaxBytes} bytes");
        log.Info($"Source image {image.Pinned(location)}");
        using var owned = GitFetcher.MakeDirectory();
        var tree = Directory.CreateDirectory(Path.Combine(owned.Path, "tree"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
        var files = new RootedDirectory(tree);
        var owner = files.Stat("/")!.Owner;
        try
        {
            foreach (var layer in image.Layers)
            {
                await store.EnsureAsync(layer.Blob, image.Blobs, cancellationToken);
                await SourceArchive.ApplyAsync(store, layer, tree, owner, Limits, cancellationToken);
            }
        }
        catch (InvalidDataException e)
        {
            throw new LifecycleException(ExitCode.InvalidArgs, $"source image {location}: {e.Message}", e);
        }
        return new PackedSource(AppSource.Pack(store, files, SourceTree.Of(files, path, location.ToString()), cancellationToken), Metadata(location, image.Manifest.Digest, path));
    }

    private static string Metadata(ImageLocation location, Digest digest, string path) => TomlWriter.Write(new TomlTable().Set("source", new TomlTable()
        .Set("type", "image")
        .Set("version", new TomlTable().Set("digest", digest.ToString()))
        .Set("metadata", new TomlTable().Set("repository", location is ImageLocation.Registry { Reference: var reference } ? reference.Name : location.ToString())
            .Set("refs", new TomlArray([(TomlValue)location.ToString()]))
            .Set("path", path.Length > 0 ? (TomlValue)path : null))));
}
