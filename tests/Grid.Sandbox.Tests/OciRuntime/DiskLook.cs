using System.Text;
using Grid.Oci.FileSystem;

namespace Grid.Sandbox.Tests.OciRuntime;

/// <summary>Looks for a text in the small files below a directory when a process prints something, which waits for that.</summary>
internal sealed class DiskLook(string directory, string text, Action release) : IProcessOutput
{
    private const int MaxFile = 1 << 20;

    /// <summary>Where it was.</summary>
    public IReadOnlyList<string> Found { get; private set; } = [];

    public void Write(ReadOnlySpan<byte> bytes, bool isError)
    {
        // A runtime replaces its files while it works: then it is looked once more.
        while (true)
        {
            try
            {
                Found = [.. new RootedDirectory(directory).Walk().Where(file => file.Entry is { IsFile: true, Size: > 0 and < MaxFile }).Select(file => file.Path).Where(Holds)];
                break;
            }
            catch (Exception gone) when (gone is FileNotFoundException or DirectoryNotFoundException)
            {
            }
        }
        release();
    }

    private bool Holds(string path)
    {
        using var file = new RootedDirectory(directory).OpenRead(path);
        using var content = new MemoryStream();
        file.CopyTo(content);
        return content.GetBuffer().AsSpan(0, (int)content.Length).IndexOf(Encoding.UTF8.GetBytes(text)) >= 0;
    }
}
