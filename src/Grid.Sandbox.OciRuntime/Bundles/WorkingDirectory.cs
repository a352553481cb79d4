using Grid.Oci.FileSystem;

namespace Grid.Sandbox.OciRuntime.Bundles;

/// <summary>
/// Makes a missing working directory, as docker does, but never lets a runtime do it: below /proc of the container it would be a door
/// to the host (CVE-2024-21626).
/// </summary>
internal static class WorkingDirectory
{
    /// <summary>Makes sure that the path is a directory of the image; throws when it cannot be one.</summary>
    public static void Make(IFileTree files, string path)
    {
        try
        {
            var existing = files.Stat(path);
            if (existing is { IsDirectory: true })
                return;
            if (existing is not null || BundleFactory.MountPoints.Any(special => (path + "/").StartsWith(special + "/", StringComparison.Ordinal)))
                throw new SandboxException($"the working directory {path} is not a directory of the image");
            files.CreateDirectory(path, 0x1ED, new Owner(0, 0));
        }
        catch (IOException failure)
        {
            throw new SandboxException($"the working directory {path} cannot be made: {failure.Message}", failure);
        }
    }
}
