using Grid.Oci.FileSystem;

namespace Grid.Buildpacks.Tests.Support;

/// <summary>A directory of the host as a tree; removed when disposed.</summary>
internal sealed class TemporaryTree : IDisposable
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("grid-tree-");

    public TemporaryTree() => Files = new RootedDirectory(_directory.FullName);

    public IFileTree Files { get; }

    public TemporaryTree Add(string path, string content = "")
    {
        Files.CreateDirectory(path[..path.LastIndexOf('/')], 0x1ED);
        Files.WriteFile(path, System.Text.Encoding.UTF8.GetBytes(content), 0x1A4);
        return this;
    }

    public TemporaryTree Link(string path, string target)
    {
        File.CreateSymbolicLink(_directory.FullName + path, target);
        return this;
    }

    public void Dispose() => _directory.Delete(recursive: true);
}
