using Grid.Buildpacks.Builders;
using Grid.Oci;

namespace Grid.Lifecycle.Builders;

/// <summary>What URIs in a builder.toml mean: relative ones are relative to the file's directory.</summary>
internal sealed class BuilderLocations(string configDirectory)
{
    private readonly string _directory = Path.GetFullPath(configDirectory);

    /// <summary>An image name; <c>oci:DIR</c> is relative to the file too.</summary>
    public ImageLocation Image(string name)
    {
        var relative = name.StartsWith("oci:", StringComparison.Ordinal) && name.Length > 4 && name[4] != '/';
        return ImageLocation.Parse(relative ? "oci:" + Path.GetFullPath(Path.Combine(_directory, name[4..])) : name);
    }

    /// <summary>The image a module comes from; null when it is a path.</summary>
    public ImageLocation? ImageOf(BuilderModule module)
    {
        if (module.IsImage || module.Uri.StartsWith("oci:", StringComparison.Ordinal))
            return Image(module.Uri);
        return module.Uri.StartsWith("docker://", StringComparison.Ordinal) ? Image(module.Uri["docker://".Length..].TrimStart('/')) : null;
    }

    /// <summary>The path a module comes from.</summary>
    public string PathOf(BuilderModule module) => PathOf(module.Uri);

    /// <summary>A path or a file URI on this machine.</summary>
    public string PathOf(string uri)
    {
        if (uri.StartsWith("file://", StringComparison.Ordinal))
            return new Uri(uri).LocalPath;
        var scheme = uri.IndexOf("://", StringComparison.Ordinal);
        if (scheme > 0 || uri.StartsWith("urn:", StringComparison.Ordinal))
            throw new NotSupportedException("it is not a directory, an archive or an image; download it and give its path");
        return Path.GetFullPath(Path.Combine(_directory, uri));
    }
}
