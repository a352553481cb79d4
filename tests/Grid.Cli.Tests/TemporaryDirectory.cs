namespace Grid.Cli.Tests;

/// <summary>A directory of a test's own; removed when disposed.</summary>
internal sealed class TemporaryDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("grid-cli-").FullName;

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
