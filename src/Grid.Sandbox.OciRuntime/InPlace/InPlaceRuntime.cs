using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Sandbox.OciRuntime.Snapshots;

namespace Grid.Sandbox.OciRuntime.InPlace;

/// <summary>
/// Sandboxes that all are the container we run in, one after another: what the first wrote is there for the second, as layers on each other. For platforms that call
/// the extender in a container of the image to be extended. The files of the parent are not looked at: they are here.
/// </summary>
/// <param name="content">Takes the layers.</param>
/// <param name="excluded">Paths that are no part of the image, besides mount points: directories of the platform and of ours.</param>
public sealed class InPlaceRuntime(ContentStore content, IReadOnlyList<string> excluded) : ISandboxRuntime
{
    /// <inheritdoc/>
    public string Name => "in place";

    /// <inheritdoc/>
    public Task ProbeAsync(CancellationToken cancellationToken) =>
        OwnIdentity.IsRoot ? Task.CompletedTask : throw new SandboxException("changing the image we run in needs root; start the container as root");

    /// <inheritdoc/>
    public Task<ISandbox> CreateAsync(SandboxSpec spec, CancellationToken cancellationToken) => Task.Run<ISandbox>(
        () =>
        {
            FilesOnlySandbox.Check(spec);
            if (spec.FilesOnly)
                return FilesOnly(spec);
            var left = MountedPaths.Read().Concat(excluded).Concat(spec.ExcludedPaths).Select(p => p.TrimEnd('/')).ToHashSet(StringComparer.Ordinal);
            var root = new RootedDirectory("/");
            var sandbox = new ChangingSandbox(spec, content, root, path => left.Contains(path) || IsOurs(path));
            sandbox.Look(cancellationToken);
            return sandbox;
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task RecoverAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <summary>In a directory of its own, not in the container: what it makes gets there as a layer, like one from the cache.</summary>
    private FilesOnlySandbox FilesOnly(SandboxSpec spec)
    {
        var directory = Directory.CreateTempSubdirectory("grid-files-").FullName;
        var whole = spec with { ExcludedPaths = [.. spec.ExcludedPaths, .. excluded, .. MountedPaths.Read()] };
        return new FilesOnlySandbox(whole, directory, default, content, () => new ValueTask(Task.Run(() => Trash.Delete(directory))));
    }

    // Sockets and directories that the .NET runtime and we have in /tmp while we run.
    private static bool IsOurs(string path) => path.StartsWith("/tmp/", StringComparison.Ordinal)
        && (path == "/tmp/.dotnet" || path.StartsWith("/tmp/grid-", StringComparison.Ordinal)
            || path.StartsWith("/tmp/dotnet-diagnostic-", StringComparison.Ordinal) || path.StartsWith("/tmp/clr-debug-pipe-", StringComparison.Ordinal));

    /// <summary>The container, with a look at all its files from before.</summary>
    private sealed class ChangingSandbox(SandboxSpec spec, ContentStore content, RootedDirectory root, Func<string, bool> isExcluded) : ISandbox
    {
        private static readonly TimeSpan ClockTick = TimeSpan.FromMilliseconds(20);
        private readonly InPlaceSandbox _inner = new();
        private Dictionary<string, FileStamp> _before = [];

        public IFileTree Files => root;

        public void Look(CancellationToken cancellationToken)
        {
            _before = new Dictionary<string, FileStamp>(StringComparer.Ordinal);
            foreach (var (path, stamp) in root.Stamps(isExcluded))
            {
                cancellationToken.ThrowIfCancellationRequested();
                _before[path] = stamp;
            }
            // The kernel's clock for files moves in ticks: what is changed within the same one as before would look the same.
            cancellationToken.WaitHandle.WaitOne(ClockTick);
        }

        public Task<ProcessResult> RunAsync(ProcessSpec process, CancellationToken cancellationToken)
        {
            // Processes here share the container's network, whatever they ask for.
            spec.RefuseList("are the container this runs in, with its network");
            return _inner.RunAsync(process, cancellationToken);
        }

        public Task<Layer?> CommitAsync(CancellationToken cancellationToken) => Task.Run(
            () =>
            {
                var changes = LiveChanges.Since(root, _before, isExcluded, cancellationToken);
                if (changes.Count == 0)
                    return null;
                using var writer = LayerWriter.Create(content);
                return (Layer?)new UpperPacker(root, writer, cancellationToken).Pack(changes);
            },
            cancellationToken);

        public ValueTask DisposeAsync() => _inner.DisposeAsync();
    }
}
