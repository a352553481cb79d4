using System.Text;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Sandbox.Tests;

/// <summary>What every <see cref="ISandboxRuntime"/> must do. An adapter's test class derives from this and makes the runtime.</summary>
public abstract partial class SandboxConformance : IAsyncDisposable
{
    private static int _number;
    private readonly Lazy<ISandboxRuntime> _runtime;
    private readonly Lazy<Layer> _base;

    protected SandboxConformance()
    {
        Directory = Path.Combine(System.IO.Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"grid-sandbox-{Guid.NewGuid().ToString("n")[..12]}");
        System.IO.Directory.CreateDirectory(Directory);
        Store = new ContentStore(Path.Combine(Directory, "content"));
        _base = new Lazy<Layer>(() => BaseImage.Create(Store));
        _runtime = new Lazy<ISandboxRuntime>(() => CreateRuntime(Store));
    }

    /// <summary>A directory of this test alone.</summary>
    protected string Directory { get; }

    protected ContentStore Store { get; }

    protected ISandboxRuntime Runtime => _runtime.Value;

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    protected abstract ISandboxRuntime CreateRuntime(ContentStore store);

    /// <summary>Fails when something of a test is left on the machine.</summary>
    protected virtual void AssertNothingLeft() { }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Task.CompletedTask;
        if (_runtime.IsValueCreated)
        {
            AssertNothingLeft();
            (Runtime as IDisposable)?.Dispose();
        }
        new RootedDirectory(Path.GetDirectoryName(Directory)!).Delete("/" + Path.GetFileName(Directory));
    }

    protected SandboxSpec Spec(params Layer[] more) => new($"test-{Interlocked.Increment(ref _number)}", [_base.Value, .. more], Store);

    protected Task<ISandbox> CreateAsync(params Layer[] more) => Runtime.CreateAsync(Spec(more), Stop);

    protected static async Task<(int ExitCode, string Output, string Errors)> ShellAsync(
        ISandbox sandbox, string script, Func<ProcessSpec, ProcessSpec>? change = null, CancellationToken? stop = null)
    {
        var output = new Capture();
        var spec = new ProcessSpec(["/bin/sh", "-c", script], ["PATH=/usr/sbin:/usr/bin:/sbin:/bin"], "/", new ProcessUser(0, 0)) { Output = output, Privileges = Privileges.PackageManager };
        var result = await sandbox.RunAsync(change?.Invoke(spec) ?? spec, stop ?? Stop);
        return (result.ExitCode, output.Text(false), output.Text(true));
    }

    /// <summary>Runs a script that must succeed and commits.</summary>
    protected async Task<Layer?> StepAsync(string script, params Layer[] more)
    {
        await using var sandbox = await CreateAsync(more);
        var (exitCode, output, errors) = await ShellAsync(sandbox, script);
        exitCode.ShouldBe(0, output + errors);
        return await sandbox.CommitAsync(Stop);
    }

    protected List<LayerEntry> Entries(Layer? layer)
    {
        using var blob = LayerReader.Decompress(File.OpenRead(Store.PathOf(layer.ShouldNotBeNull().Blob.Digest)), layer.Blob.MediaType);
        var reader = new LayerReader(blob);
        var entries = new List<LayerEntry>();
        while (reader.Next() is { } entry)
            entries.Add(entry with { Path = entry.Path.TrimEnd('/') });
        return entries;
    }

    protected string[] Paths(Layer? layer) => [.. Entries(layer).Select(entry => entry.Path)];

    /// <summary>Keeps output; tells when it comes.</summary>
    protected sealed class Capture : IProcessOutput
    {
        private readonly List<byte> _output = [], _errors = [];
        private readonly TaskCompletionSource _first = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task FirstOutput => _first.Task;

        public void Write(ReadOnlySpan<byte> bytes, bool isError)
        {
            (isError ? _errors : _output).AddRange(bytes);
            _first.TrySetResult();
        }

        public string Text(bool isError) => Encoding.UTF8.GetString([.. isError ? _errors : _output]);

        public long Length => _output.Count;
    }
}
