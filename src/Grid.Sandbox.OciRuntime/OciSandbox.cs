using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Sandbox.OciRuntime.Bundles;
using Grid.Sandbox.OciRuntime.Engines;
using Grid.Sandbox.OciRuntime.Linux;
using Grid.Sandbox.OciRuntime.Mounts;
using Grid.Sandbox.OciRuntime.Snapshots;

namespace Grid.Sandbox.OciRuntime;

/// <summary>A mounted root and the processes in it.</summary>
internal sealed class OciSandbox(
    SandboxSpec spec, Snapshot snapshot, SandboxRoot root, RuntimeEngine engine, OciRuntimeOptions options, ContentStore store, SnapshotStore snapshots) : ISandbox
{
    private readonly RootedDirectory _files = new(root.Merged);
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly HashSet<Task> _running = [];
    private readonly List<string> _madeForProcesses = [];
    private int _processes;
    private bool _closed, _disposed;

    /// <inheritdoc/>
    public IFileTree Files => _files;

    /// <inheritdoc/>
    public async Task<ProcessResult> RunAsync(ProcessSpec process, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ending.Token);
        Task<ProcessResult> run;
        lock (_gate)
        {
            Open();
            run = RunContainerAsync($"{spec.Handle}-{++_processes}", process, linked.Token);
            _running.Add(run);
        }
        try
        {
            return await run;
        }
        catch (OperationCanceledException killed) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("the process was killed", killed, cancellationToken);
        }
        finally
        {
            lock (_gate)
                _running.Remove(run);
        }
    }

    /// <inheritdoc/>
    public Task<Layer?> CommitAsync(CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            Open();
            if (_running.Count > 0)
                throw new InvalidOperationException($"{_running.Count} processes still run in the sandbox {spec.Handle}; a layer can be made when they have ended");
            _closed = true;
        }
        return Task.Run(() => Commit(cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Task[] running;
        lock (_gate)
        {
            // The handle may be another sandbox's by the time somebody disposes this one again.
            if (_disposed)
                return;
            (_closed, _disposed) = (true, true);
            running = [.. _running];
        }
        await _ending.CancelAsync();
        await Task.WhenAll(running).ContinueWith(static ended => _ = ended.Exception, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        await root.DisposeAsync();
        snapshot.Dispose();
        // Not disposed: a caller that was just cancelled may still unregister from it; it holds no handle.
    }

    private async Task<ProcessResult> RunContainerAsync(string id, ProcessSpec process, CancellationToken cancellationToken)
    {
        await Task.Yield();
        var directory = Path.Combine(root.Directory, id);
        Directory.CreateDirectory(directory);
        try
        {
            MakeWorkingDirectory(process.WorkingDirectory);
            var rootfs = process.ExtraVolumes.Count == 0 ? root.Merged : MountForProcess(process.ExtraVolumes, directory);
            var bundle = BundleFactory.Create(process, rootfs, $"{root.Group!.Path}/{id}", options.HostName, options.CaBundle is not null);
            return await new ContainerRun(engine, root.Group, id, directory).ExecuteAsync(bundle, process, cancellationToken);
        }
        finally
        {
            if (process.ExtraVolumes.Count > 0)
                MountTable.UnmountBelow(directory);
            Trash.Delete(directory);
        }
    }

    /// <summary>
    /// Makes a missing working directory, as docker does, but never lets the runtime do it: below /proc of the container it would be a door
    /// to the host (CVE-2024-21626).
    /// </summary>
    private void MakeWorkingDirectory(string path)
    {
        try
        {
            var existing = _files.Stat(path);
            if (existing is { IsDirectory: true })
                return;
            if (existing is not null || BundleFactory.MountPoints.Any(special => (path + "/").StartsWith(special + "/", StringComparison.Ordinal)))
                throw new SandboxException($"the working directory {path} is not a directory of the image");
            _files.CreateDirectory(path, 0x1ED, new Owner(0, 0));
        }
        catch (IOException failure)
        {
            throw new SandboxException($"the working directory {path} cannot be made: {failure.Message}", failure);
        }
    }

    /// <summary>A second view of the root for one process, with its own volumes mounted into it.</summary>
    private string MountForProcess(IReadOnlyList<Volume> volumes, string directory)
    {
        var rootfs = Path.Combine(directory, "rootfs");
        Directory.CreateDirectory(rootfs);
        foreach (var volume in volumes)
            MakeMountPoint(volume);
        using (var clone = Libc.CloneMount(root.Merged, recursive: true))
            Binds.Attach(clone, rootfs);
        using var handle = Libc.OpenDirectory(rootfs);
        foreach (var volume in volumes.OrderBy(volume => volume.Path.Length))
            Binds.Attach(handle, volume.HostPath, volume.Path, volume.ReadOnly);
        return rootfs;
    }

    /// <summary>Makes what is missing of a path and remembers it, so that it does not end in the layer.</summary>
    private void MakeMountPoint(Volume volume)
    {
        var isDirectory = Directory.Exists(volume.HostPath);
        if (!isDirectory && !File.Exists(volume.HostPath))
            throw new SandboxException($"the volume {volume.HostPath} for {volume.Path} does not exist on the node");
        lock (_gate)
        {
            var path = "";
            var parts = volume.Path.Split('/', StringSplitOptions.RemoveEmptyEntries);
            for (var i = 0; i < parts.Length; i++)
            {
                path += "/" + parts[i];
                if (_files.Stat(path) is not null)
                    continue;
                if (i < parts.Length - 1 || isDirectory)
                    _files.CreateDirectory(path, 0x1ED, new Owner(0, 0));
                else
                    _files.WriteFile(path, [], 0x1A4, new Owner(0, 0));
                _madeForProcesses.Add(path);
            }
        }
    }

    private Layer? Commit(CancellationToken cancellationToken)
    {
        RemoveMountPoints();
        root.Unmount();
        // The root's own attributes are no part of a layer; what comes next must not see a difference either.
        Libc.ChangeMode(root.Upper, 0x1ED);
        var upper = new RootedDirectory(root.Upper);
        var image = root.OpenImage(out var view);
        IReadOnlyList<Change> changes;
        using (view)
        {
            HashSet<string> excluded = [.. root.Mounted, .. spec.ExcludedPaths.Select(path => "/" + path.Trim('/'))];
            var tree = new UpperTree(upper, image, excluded, root.MadeDirectories);
            changes = tree.Read();
            Check(tree);
        }
        if (changes.Count == 0)
            return null;
        using var writer = LayerWriter.Create(store);
        var layer = new UpperPacker(upper, writer, cancellationToken).Pack(changes);
        snapshots.Adopt(root.Upper, ChainId.Append(snapshot.Chain, layer.DiffId));
        return layer;
    }

    private void Check(UpperTree tree)
    {
        if (options.MaxLayerBytes > 0 && tree.Bytes > options.MaxLayerBytes)
            throw new SandboxException($"the layer would hold {tree.Bytes} bytes of files, more than the {options.MaxLayerBytes} allowed (sparse files count at full length)");
        if (options.MaxLayerEntries > 0 && tree.Entries > options.MaxLayerEntries)
            throw new SandboxException($"the layer would hold {tree.Entries} files, more than the {options.MaxLayerEntries} allowed");
    }

    private void RemoveMountPoints()
    {
        for (var i = _madeForProcesses.Count - 1; i >= 0; i--)
        {
            var path = _madeForProcesses[i];
            var entry = _files.Stat(path, followLinks: false);
            if (entry is { IsDirectory: true } ? _files.List(path).Count == 0 : entry is { IsFile: true, Size: 0 })
                _files.Delete(path);
        }
    }

    private void Open()
    {
        if (_closed)
            throw new InvalidOperationException($"the sandbox {spec.Handle} has been committed or disposed");
    }
}
