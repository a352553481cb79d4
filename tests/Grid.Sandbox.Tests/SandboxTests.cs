using System.Text;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;

namespace Grid.Sandbox.Tests;

/// <summary>A runtime, a content store and a directory for one test.</summary>
public abstract class SandboxTests : IAsyncDisposable
{
    private static int _number;
    private readonly Lazy<ISandboxRuntime> _runtime;

    protected SandboxTests()
    {
        Directory = Path.Combine(System.IO.Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"grid-sandbox-{Guid.NewGuid().ToString("n")[..12]}");
        System.IO.Directory.CreateDirectory(Directory);
        Store = new ContentStore(Path.Combine(Directory, "content"));
        _runtime = new Lazy<ISandboxRuntime>(() => CreateRuntimeAt(Path.Combine(Directory, "state")));
    }

    /// <summary>A directory of this test alone.</summary>
    protected string Directory { get; }

    protected ContentStore Store { get; }

    protected ISandboxRuntime Runtime => _runtime.Value;

    protected static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>A runtime with a state directory of its own over <see cref="Store"/>.</summary>
    protected abstract ISandboxRuntime CreateRuntimeAt(string directory);

    /// <summary>Fails when something of a test is left on the machine.</summary>
    protected virtual void AssertNothingLeft() { }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await Task.CompletedTask;
        if (_runtime.IsValueCreated)
            (Runtime as IDisposable)?.Dispose();
        AssertNothingLeft();
        new RootedDirectory(Path.GetDirectoryName(Directory)!).Delete("/" + Path.GetFileName(Directory));
    }

    protected SandboxSpec Spec(params Layer[] more) => new($"test-{Interlocked.Increment(ref _number)}", [BaseImage.Layer, .. more], BaseImage.Store);

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

    /// <summary>Whether a process of the machine has all these words in its command line.</summary>
    /// <remarks>What has just been started is not yet what its command line says it will be: wait for it with <see cref="ShouldRun"/>.</remarks>
    protected static bool IsRunning(params string[] words) => System.IO.Directory.GetDirectories("/proc").Any(process =>
    {
        try
        {
            return File.ReadAllText(process + "/cmdline").Split('\0', StringSplitOptions.RemoveEmptyEntries) is var command && words.All(command.Contains);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    });

    /// <summary>Waits until a process of the machine has all these words in its command line.</summary>
    protected static void ShouldRun(params string[] words) => SpinWait.SpinUntil(() => IsRunning(words), Patience).ShouldBeTrue(string.Join(' ', words));

    /// <summary>How long a test waits for what must come: much longer than it takes on a slow machine.</summary>
    protected static TimeSpan Patience => TimeSpan.FromMinutes(2);

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
