using System.Text;
using Grid.Dockerfiles.Planning;
using Grid.Sandbox;

namespace Grid.Lifecycle.Extend;

/// <summary>The script of a RUN here-document that begins with <c>#!</c>: a file on the host, mounted read-only while the command runs.</summary>
internal sealed class ScriptVolume : IDisposable
{
    private readonly string _file;

    public ScriptVolume(InlineFile script)
    {
        _file = Path.Combine(Path.GetTempPath(), "grid-run-" + Path.GetRandomFileName());
        File.WriteAllBytes(_file, Encoding.UTF8.GetBytes(script.Content));
        File.SetUnixFileMode(_file, (UnixFileMode)0b111_101_101);
        Volume = new Volume(_file, script.Name, ReadOnly: true);
    }

    public Volume Volume { get; }

    public void Dispose() => File.Delete(_file);
}
