using Grid.Oci;

namespace Grid.Lifecycle.Export;

/// <summary>A name an image is written under, or read by.</summary>
/// <param name="Name">As somebody wrote it; report.toml and messages repeat it.</param>
/// <param name="Location">Where that is.</param>
public sealed record ExportTarget(string Name, ImageLocation Location)
{
    /// <summary>What somebody wrote; an engine's image without the prefix that says so.</summary>
    public static ExportTarget Parse(string name)
    {
        var location = ImageLocation.Parse(name);
        return new ExportTarget(location is ImageLocation.Docker docker ? docker.Name : name, location);
    }

    /// <summary>A location under its own name.</summary>
    public static ExportTarget Of(ImageLocation location) => new(location is ImageLocation.Docker docker ? docker.Name : location.ToString(), location);
}
