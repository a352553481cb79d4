using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Lifecycle.Detect;

/// <summary>A directory of its own inside a sandbox, which a module may write to; removed when disposed.</summary>
internal sealed class ScratchDirectory : IDisposable
{
    private const int StickyForAll = 0x3FF;
    private const int OwnerOnly = 0x1C0;
    private const int OwnerFile = 0x180;
    private readonly IFileTree _files;
    private readonly Owner _owner;

    public ScratchDirectory(IFileTree files, ProcessUser user)
    {
        (_files, _owner) = (files, new Owner(user.UserId, user.GroupId));
        files.CreateDirectory("/tmp", StickyForAll);
        Path = "/tmp/grid-" + Guid.NewGuid().ToString("N");
        files.CreateDirectory(Path, OwnerOnly, _owner);
    }

    public string Path { get; }

    /// <summary>Makes a file that its module owns, and gives its path.</summary>
    public string AddFile(string name, ReadOnlySpan<byte> content)
    {
        var path = $"{Path}/{name}";
        _files.WriteFile(path, content, OwnerFile, _owner);
        return path;
    }

    public void Dispose() => _files.Delete(Path);
}
