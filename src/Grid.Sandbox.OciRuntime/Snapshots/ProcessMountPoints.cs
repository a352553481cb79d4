using Grid.Oci.FileSystem;

namespace Grid.Sandbox.OciRuntime.Snapshots;

/// <summary>Mount points that are made in a sandbox's root for one process's volumes, and must not end in the layer.</summary>
/// <param name="files">The root.</param>
/// <param name="made">Those that were made before.</param>
internal sealed class ProcessMountPoints(IFileTree files, IEnumerable<string>? made = null)
{
    private readonly Lock _gate = new();
    private readonly List<string> _made = [.. made ?? []];

    /// <summary>Those that were made so far.</summary>
    public IReadOnlyList<string> Made
    {
        get
        {
            lock (_gate)
                return [.. _made];
        }
    }

    /// <summary>Whether a volume is a directory; it has to be there.</summary>
    public static bool IsDirectory(Volume volume) => Directory.Exists(volume.HostPath) || (!File.Exists(volume.HostPath)
        ? throw new SandboxException($"the volume {volume.HostPath} for {volume.Path} does not exist on the node") : false);

    /// <summary>Makes what is missing of a process's mount points, those below others last.</summary>
    public void Make(IReadOnlyList<Volume> volumes, IReadOnlyList<TemporaryFileSystem> temporary)
    {
        foreach (var (path, isDirectory) in volumes.Select(volume => (volume.Path, IsDirectory(volume))).Concat(temporary.Select(t => (t.Path, true))).OrderBy(mount => mount.Path.Length))
            Make(path, isDirectory, files);
    }

    /// <summary>Makes what is missing of a mount point and remembers it.</summary>
    /// <param name="mountPoint">Absolute path inside.</param>
    /// <param name="isDirectory">Whether a directory or a file is mounted.</param>
    /// <param name="view">The root as the process sees it, with what has been mounted for it before.</param>
    public void Make(string mountPoint, bool isDirectory, IFileTree view)
    {
        lock (_gate)
        {
            try
            {
                MakeMissing(mountPoint, isDirectory, view);
            }
            catch (IOException failure)
            {
                throw new SandboxException($"the mount point {mountPoint} cannot be made in the sandbox: {failure.Message}", failure);
            }
        }
    }

    private void MakeMissing(string mountPoint, bool isDirectory, IFileTree view)
    {
        var path = "";
        var parts = mountPoint.Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < parts.Length; i++)
        {
            path += "/" + parts[i];
            if (view.Stat(path) is not null)
                continue;
            if (i < parts.Length - 1 || isDirectory)
                view.CreateDirectory(path, 0x1ED, new Owner(0, 0));
            else
                view.WriteFile(path, [], 0x1A4, new Owner(0, 0));
            _made.Add(path);
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
