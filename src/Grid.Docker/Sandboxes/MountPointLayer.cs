using Grid.Oci.FileSystem;
using Grid.Oci.Layers;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime.Bundles;
using Grid.Sandbox.OciRuntime.Linux;
using Grid.Sandbox.OciRuntime.Mounts;
using Grid.Sandbox.OciRuntime.Snapshots;

namespace Grid.Docker.Sandboxes;

/// <summary>Fills the layer that holds the mount points an image lacks.</summary>
internal static class MountPointLayer
{
    /// <summary>Files the engine mounts by itself.</summary>
    private static readonly string[] EngineFiles = ["/etc/hostname", "/etc/resolv.conf"];

    /// <summary>Replaces what a directory holds by the mount points.</summary>
    /// <param name="directory">The layer.</param>
    /// <param name="layers">The image's layers, top first.</param>
    /// <param name="paths">Paths of volumes, and whether they are directories.</param>
    /// <param name="empty">An empty directory of ours.</param>
    public static MountPointPlan Make(string directory, IReadOnlyList<string> layers, IReadOnlyList<(string Path, bool IsDirectory)> paths, string empty)
    {
        var layer = new RootedDirectory(directory);
        foreach (var entry in layer.List("/"))
            layer.Delete("/" + entry.Name);
        Libc.ChangeMode(directory, 0x1ED);
        using var view = Overlay.View(layers, empty);
        var points = new MountPoints(new RootedDirectory($"/proc/self/fd/{Libc.Raw(view)}"), directory);
        foreach (var path in BundleFactory.MountPoints)
        {
            if (points.Add(path, isDirectory: true) != path)
                throw new SandboxException($"the image has a link at {path}, where the kernel's own files belong");
        }
        var real = paths.Select(path => points.Add(path.Path, path.IsDirectory)).ToList();
        var engineFiles = EngineFiles.Select(path => points.Add(path, isDirectory: false)).ToList();
        var hold = points.Add(HoldProgram.Path, isDirectory: false);
        layer.WriteFile(hold, HoldProgram.Bytes(), 0x1ED);
        foreach (var (path, _) in layer.Walk().Where(entry => entry.Path != "/").ToList())
            layer.SetModifiedTime(path, LayerTimes.Normalized);
        return new MountPointPlan(real, points.MadeDirectories, engineFiles, hold);
    }
}

/// <summary>Where mounts go.</summary>
/// <param name="Real">Paths of volumes without links, in the order asked for.</param>
/// <param name="MadeDirectories">Directories that exist for mount points only.</param>
/// <param name="EngineFiles">Real paths of files the engine mounts.</param>
/// <param name="Hold">Real path of the program that holds the container.</param>
internal sealed record MountPointPlan(IReadOnlyList<string> Real, HashSet<string> MadeDirectories, IReadOnlyList<string> EngineFiles, string Hold);
