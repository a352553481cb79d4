using Grid.Oci.FileSystem;

namespace Grid.Sandbox.OciRuntime.Snapshots;

/// <summary>Mount points that are made in a sandbox's root for one process's volumes, and must not end in the layer.</summary>
/// <param name="files">The root.</param>
internal sealed class ProcessMountPoints(IFileTree files)
{
    private readonly Lock _gate = new();
    private readonly List<string> _made = [];

    /// <summary>Makes what is missing of a volume's path and remembers it.</summary>
    public void Make(Volume volume)
    {
        var isDirectory = Directory.Exists(volume.HostPath);
        if (!isDirectory && !File.Exists(volume.HostPath))
            throw new SandboxException($"the volume {volume.HostPath} for {volume.Path} does not exist on the node");
        lock (_gate)
        {
            var path = "";
            var parts = volume.Path.Split('/', StringSplitOptions.RemoveEmptyEntries);
            for (var i = 0; i < parts.Length; i++)
            {
                path += "/" + parts[i];
                if (files.Stat(path) is not null)
                    continue;
                if (i < parts.Length - 1 || isDirectory)
                    files.CreateDirectory(path, 0x1ED, new Owner(0, 0));
                else
                    files.WriteFile(path, [], 0x1A4, new Owner(0, 0));
                _made.Add(path);
            }
        }
    }

    /// <summary>Removes what was made and is still empty.</summary>
    public void RemoveEmpty()
    {
        lock (_gate)
        {
            for (var i = _made.Count - 1; i >= 0; i--)
            {
                var path = _made[i];
                var entry = files.Stat(path, followLinks: false);
                if (entry is { IsDirectory: true } ? files.List(path).Count == 0 : entry is { IsFile: true, Size: 0 })
                    files.Delete(path);
            }
        }
    }
}
