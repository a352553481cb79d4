using System.Globalization;
using Grid.Oci.FileSystem;
using Grid.Sandbox.OciRuntime.Linux;
using Microsoft.Win32.SafeHandles;

namespace Grid.Sandbox.OciRuntime.InPlace;

/// <summary>
/// Volumes of one process that runs in place: a link where nothing is, a bind mount over what is there (which needs CAP_SYS_ADMIN). File systems in memory are always mounted. All
/// are gone when disposed.
/// </summary>
internal sealed class InPlaceVolumes : IDisposable
{
    private const ulong BindRecursively = 0x1000 | 0x4000, NoSetUid = 0x2, NoDev = 0x4;
    private readonly RootedDirectory _root = new("/");
    private readonly Stack<Action> _removals = new();

    // What one of the file systems in memory covers (the context is in /tmp): taken hold of before that.
    private readonly Dictionary<Volume, (SafeFileHandle Mount, bool IsDirectory)> _covered = [];

    public InPlaceVolumes(IReadOnlyList<Volume> volumes, IReadOnlyList<TemporaryFileSystem> inMemory)
    {
        var all = volumes.Select(volume => (volume.Path, Add: (Action)(() => Add(volume)))).Concat(inMemory.Select(memory => (memory.Path, Add: (Action)(() => Add(memory)))));
        try
        {
            foreach (var volume in volumes.Where(volume => inMemory.Any(memory => volume.HostPath.StartsWith(memory.Path + "/", StringComparison.Ordinal))))
                _covered.Add(volume, (Clone(volume), Directory.Exists(volume.HostPath)));
            // What is inside another comes after it.
            foreach (var (_, add) in all.OrderBy(volume => volume.Path.Count(c => c == '/')))
                add();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        while (_removals.TryPop(out var remove))
            remove();
        foreach (var (mount, _) in _covered.Values)
            mount.Dispose();
    }

    private void Add(Volume volume)
    {
        if (_covered.TryGetValue(volume, out var covered))
        {
            MakePoint(volume.Path, covered.IsDirectory);
            using var point = covered.IsDirectory ? Libc.OpenDirectory(volume.Path) : Libc.OpenRead(volume.Path);
            Libc.MoveMount(covered.Mount, point);
            _removals.Push(() => Libc.TryUnmount(volume.Path, lazy: true));
            return;
        }
        if (_root.Stat(volume.Path, followLinks: false) is not null)
        {
            Mount(volume);
            return;
        }
        MakeParents(volume.Path);
        _root.CreateSymbolicLink(volume.Path, volume.HostPath);
        _removals.Push(() => _root.Delete(volume.Path));
    }

    private void Add(TemporaryFileSystem memory)
    {
        MakePoint(memory.Path, isDirectory: true);
        try
        {
            Libc.Mount("tmpfs", memory.Path, "tmpfs", NoSetUid | NoDev, memory.SizeBytes > 0 ? string.Create(CultureInfo.InvariantCulture, $"size={memory.SizeBytes}") : null);
        }
        catch (IOException e)
        {
            throw new SandboxException($"cannot mount a file system in memory at {memory.Path}: {e.Message}; run the container with CAP_SYS_ADMIN, or leave --mount=type=tmpfs out", e);
        }
        _removals.Push(() => Libc.TryUnmount(memory.Path, lazy: true));
    }

    private static SafeFileHandle Clone(Volume volume)
    {
        try
        {
            return Libc.CloneMount(volume.HostPath, recursive: true);
        }
        catch (IOException e)
        {
            throw new SandboxException($"cannot mount at {volume.Path}: {e.Message}; run the container with CAP_SYS_ADMIN, or mount no file system in memory over {volume.HostPath}", e);
        }
    }

    /// <summary>Makes what can be mounted over, where nothing is.</summary>
    private void MakePoint(string path, bool isDirectory)
    {
        if (_root.Stat(path) is not null)
            return;
        MakeParents(path);
        if (isDirectory)
            _root.CreateDirectory(path, 0b111_101_101);
        else
            _root.WriteFile(path, [], 0b110_100_100);
        _removals.Push(() => _root.Delete(path));
    }

    private void Mount(Volume volume)
    {
        try
        {
            Libc.Mount(volume.HostPath, volume.Path, null, BindRecursively, null);
        }
        catch (IOException e)
        {
            throw new SandboxException($"cannot mount over {volume.Path}, which the image has: {e.Message}; run the container with CAP_SYS_ADMIN, or choose a path that does not exist", e);
        }
        _removals.Push(() => Libc.TryUnmount(volume.Path, lazy: true));
    }

    private void MakeParents(string path)
    {
        for (var slash = path.IndexOf('/', 1); slash > 0; slash = path.IndexOf('/', slash + 1))
        {
            var parent = path[..slash];
            if (_root.Stat(parent) is not null)
                continue;
            _root.CreateDirectory(parent, 0b111_101_101);
            _removals.Push(() => _root.Delete(parent));
        }
    }
}
