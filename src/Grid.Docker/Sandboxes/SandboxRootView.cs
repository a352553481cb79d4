using Grid.Oci.FileSystem;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime.Linux;
using Grid.Sandbox.OciRuntime.Mounts;
using Grid.Sandbox.OciRuntime.Snapshots;

namespace Grid.Docker.Sandboxes;

/// <summary>Our own mount of a container's root, for as long as the engine has not mounted it: two writable overlays over one directory would spoil each other.</summary>
/// <param name="directory">The sandbox's directory.</param>
internal sealed class SandboxRootView(string directory)
{
    /// <summary>Where the root is mounted.</summary>
    public string Merged => Path.Combine(directory, "merged");

    /// <summary>An empty directory.</summary>
    public string Empty => Path.Combine(directory, "empty");

    /// <summary>Makes the directories.</summary>
    public void Prepare()
    {
        foreach (var part in new[] { Merged, Empty })
        {
            Directory.CreateDirectory(part);
            Libc.ChangeMode(part, 0x1ED);
        }
    }

    /// <summary>Mounts root and volumes.</summary>
    public void Mount(EngineContainer container, IReadOnlyList<string> layers, IEnumerable<(Volume Volume, string Real)> volumes)
    {
        // Not the engine's own work directory: a volatile mount leaves a mark there that the engine's next mount would stumble over.
        var work = WorkOf(container);
        Trash.Delete(work);
        Directory.CreateDirectory(work);
        using (var overlay = Overlay.Writable([container.Init, .. layers], container.Upper, work, Empty))
            Binds.Attach(overlay, Merged);
        using var root = Libc.OpenDirectory(Merged);
        foreach (var (volume, real) in volumes.OrderBy(v => v.Real.Length))
        {
            MakeInVolume(real, Directory.Exists(volume.HostPath));
            Binds.Attach(root, volume.HostPath, real, volume.ReadOnly);
        }
    }

    /// <summary>Unmounts everything; no error when nothing is.</summary>
    public void Unmount(EngineContainer? container)
    {
        MountTable.UnmountBelow(directory);
        if (container is not null)
            Trash.Delete(WorkOf(container));
    }

    private static string WorkOf(EngineContainer container) => Path.Combine(Path.GetDirectoryName(container.Upper)!, "grid-work");

    private void MakeInVolume(string path, bool isDirectory)
    {
        var tree = new RootedDirectory(Merged);
        if (tree.Stat(path) is not null)
            return;
        if (isDirectory)
            tree.CreateDirectory(path, 0x1ED);
        else
            tree.WriteFile(path, [], 0x1A4);
    }
}
