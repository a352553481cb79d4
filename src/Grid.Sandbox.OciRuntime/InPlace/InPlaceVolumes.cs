using Grid.Oci.FileSystem;
using Grid.Sandbox.OciRuntime.Linux;

namespace Grid.Sandbox.OciRuntime.InPlace;

/// <summary>
/// Volumes of one process that runs in place: a link where nothing is, a bind mount over what is there (which needs CAP_SYS_ADMIN). All are gone when disposed.
/// </summary>
internal sealed class InPlaceVolumes : IDisposable
{
    private const ulong BindRecursively = 0x1000 | 0x4000;
    private readonly RootedDirectory _root = new("/");
    private readonly Stack<Action> _removals = new();

    public InPlaceVolumes(IReadOnlyList<Volume> volumes)
    {
        try
        {
            foreach (var volume in volumes)
                Add(volume);
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
    }

    private void Add(Volume volume)
    {
        if (_root.Stat(volume.Path, followLinks: false) is not null)
        {
            Mount(volume);
            return;
        }
        MakeParents(volume.Path);
        _root.CreateSymbolicLink(volume.Path, volume.HostPath);
        _removals.Push(() => _root.Delete(volume.Path));
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
