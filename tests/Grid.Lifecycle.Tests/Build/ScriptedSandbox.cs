using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Sandbox;

namespace Grid.Lifecycle.Tests.Build;

/// <summary>A sandbox whose processes are methods of the test: a directory as tree, and what bin/build of a buildpack does as code.</summary>
internal sealed class ScriptedSandbox : ISandbox
{
    private readonly DirectoryInfo _directory = Directory.CreateTempSubdirectory("grid-scripted-");
    private readonly Dictionary<string, Func<ProcessSpec, int>> _scripts = [];

    public ScriptedSandbox() => Tree = new RootedDirectory(_directory.FullName);

    public RootedDirectory Tree { get; }

    public IFileTree Files => Tree;

    /// <summary>The user the test runs as, so that it needs no rights to give files away.</summary>
    public ProcessUser User { get; init; } = new(1001, 1001);

    public void Write(string path, string text)
    {
        Tree.CreateDirectory(path[..path.LastIndexOf('/')], 0x1ED);
        Tree.WriteFile(path, System.Text.Encoding.UTF8.GetBytes(text), 0x1A4);
    }

    public string Read(string path)
    {
        using var reader = new StreamReader(Tree.OpenRead(path));
        return reader.ReadToEnd();
    }

    public void AddBuildpack(string id, string toml, Func<ProcessSpec, int> build)
    {
        var directory = $"/cnb/buildpacks/{id.Replace('/', '_')}/1";
        Write(directory + "/buildpack.toml", toml);
        _scripts[directory + "/bin/build"] = build;
    }

    public Task<ProcessResult> RunAsync(ProcessSpec process, CancellationToken cancellationToken) =>
        Task.FromResult(new ProcessResult(_scripts[process.Arguments[0]](process)));

    public Task<Layer?> CommitAsync(CancellationToken cancellationToken) => throw new NotSupportedException("tests of phases do not commit");

    public ValueTask DisposeAsync()
    {
        _directory.Delete(recursive: true);
        return ValueTask.CompletedTask;
    }
}
