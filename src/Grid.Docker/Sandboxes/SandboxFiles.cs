using Grid.Oci.FileSystem;

namespace Grid.Docker.Sandboxes;

/// <summary>
/// The root of a sandbox, whichever mount of it there is at the moment: ours while nothing runs, the container's own (below /proc) while something does.
/// Calls wait while one is exchanged for the other.
/// </summary>
internal sealed class SandboxFiles : IFileTree
{
    private readonly object _gate = new();
    private RootedDirectory? _root;

    /// <summary>Lets calls through to a directory of the host or, with null, makes new ones wait after those under way have ended.</summary>
    public void Switch(string? directory)
    {
        lock (_gate)
        {
            _root = directory is null ? null : new RootedDirectory(directory);
            Monitor.PulseAll(_gate);
        }
    }

    /// <inheritdoc/>
    public FileEntry? Stat(string path, bool followLinks = true) => With(root => root.Stat(path, followLinks));

    /// <inheritdoc/>
    public IReadOnlyList<FileEntry> List(string path) => With(root => root.List(path));

    /// <inheritdoc/>
    public Stream OpenRead(string path) => With(root => root.OpenRead(path));

    /// <inheritdoc/>
    public void WriteFile(string path, ReadOnlySpan<byte> content, int mode, Owner? owner = null)
    {
        lock (_gate)
            Current().WriteFile(path, content, mode, owner);
    }

    /// <inheritdoc/>
    public Stream CreateFile(string path, int mode, Owner? owner = null) => With(root => root.CreateFile(path, mode, owner));

    /// <inheritdoc/>
    public Stream? TryCreateNewFile(string path, int mode, Owner? owner = null) => With(root => root.TryCreateNewFile(path, mode, owner));

    /// <inheritdoc/>
    public void CreateSymbolicLink(string path, string target, Owner? owner = null) => With(root => root.CreateSymbolicLink(path, target, owner));

    /// <inheritdoc/>
    public void CreateHardLink(string path, string existing) => With(root => root.CreateHardLink(path, existing));

    /// <inheritdoc/>
    public void SetMode(string path, int mode) => With(root => root.SetMode(path, mode));

    /// <inheritdoc/>
    public void CreateDirectory(string path, int mode, Owner? owner = null) => With(root => root.CreateDirectory(path, mode, owner));

    /// <inheritdoc/>
    public void Delete(string path) => With(root => root.Delete(path));

    /// <inheritdoc/>
    public void Rename(string from, string to) => With(root => root.Rename(from, to));

    /// <inheritdoc/>
    public void ChangeOwner(string path, Owner owner, bool recursive) => With(root => root.ChangeOwner(path, owner, recursive));

    private RootedDirectory Current()
    {
        while (_root is null)
            Monitor.Wait(_gate);
        return _root;
    }

    private T With<T>(Func<RootedDirectory, T> call)
    {
        lock (_gate)
            return call(Current());
    }

    private void With(Action<RootedDirectory> call)
    {
        lock (_gate)
            call(Current());
    }
}
