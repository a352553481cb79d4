using Grid.Buildpacks;
using Grid.Buildpacks.Builders;
using Grid.Lifecycle;
using Grid.Lifecycle.Builders;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;

namespace Grid.Hosting;

/// <summary>Finds or makes the builder a user names.</summary>
public sealed class BuilderLocator(ImageStores images, ContentStore content, GridOptions options)
{
    /// <summary>
    /// The location of a builder image. A directory with <c>builder.toml</c> is made into a builder first, kept in the data directory under its
    /// digest: the same directory gives the same builder.
    /// </summary>
    public async Task<ImageLocation> ResolveAsync(string builder, CancellationToken cancellationToken)
    {
        if (!Directory.Exists(builder))
            return ImageLocation.Parse(builder);
        if (File.Exists(Path.Combine(builder, "oci-layout")))
            return new ImageLocation.Layout(Path.GetFullPath(builder), null);
        var config = Path.Combine(builder, "builder.toml");
        if (!File.Exists(config))
            throw new LifecycleException(ExitCode.InvalidArgs, $"--builder {builder}: the directory is neither an OCI layout (oci-layout) nor has it a builder.toml");
        var image = await CreateAsync(config, cancellationToken);
        var layout = new ImageLocation.Layout(Path.Combine(options.DataDirectory, "builders"), image.Digest.Hex[..16]);
        return await images.PushAsync(image, layout, null, cancellationToken);
    }

    /// <summary>Makes a builder image from a builder.toml.</summary>
    public Task<ImageContent> CreateAsync(string configFile, CancellationToken cancellationToken) =>
        BuilderCreator.CreateAsync(images, content, BuilderConfig.Parse(File.ReadAllText(configFile), configFile),
            Path.GetDirectoryName(Path.GetFullPath(configFile))!, HostPlatform.Current, cancellationToken);
}
