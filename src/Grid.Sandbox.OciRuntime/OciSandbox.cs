using System.Text;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Sandbox.OciRuntime.Bundles;
using Grid.Sandbox.OciRuntime.Engines;
using Grid.Sandbox.OciRuntime.Linux;
using Grid.Sandbox.OciRuntime.Mounts;
using Grid.Sandbox.OciRuntime.Networks;
using Grid.Sandbox.OciRuntime.Snapshots;
using Grid.Sandbox.OciRuntime.Survival;

namespace Grid.Sandbox.OciRuntime;

/// <summary>A mounted root and the processes in it.</summary>
internal sealed class OciSandbox(
    SandboxSpec spec, Snapshot snapshot, SandboxRoot root, RuntimeEngine engine, OciRuntimeOptions options, ContentStore store, SnapshotStore snapshots,
    NetworkPool networks, string owner, SandboxSurvival? survival = null) : ISandbox
{
    private readonly RootedDirectory _files = new(root.Merged);
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly HashSet<Task> _running = [];
    private readonly ProcessMountPoints _processMountPoints = new(new RootedDirectory(root.Merged), survival?.Adopted is null ? null : SandboxRecord.ReadMountPoints(root.Directory));
    private Task<SandboxNetwork>? _network;
    private int _processes;
    private bool _closed, _disposed;

    /// <inheritdoc/>
    public IFileTree Files => _files;

    /// <inheritdoc/>
    public SandboxLife? Life => survival?.Life;

    /// <inheritdoc/>
    public async Task<ProcessResult> RunAsync(ProcessSpec process, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ending.Token);
        await using var disk = DiskWatch.Start([root.Upper, .. spec.Volumes.Where(v => !v.ReadOnly && Directory.Exists(v.HostPath)).Select(v => v.HostPath)], spec.Limits.DiskBytes, linked);
        Task<ProcessResult> run;
        lock (_gate)
        {
            Open();
            run = RunContainerAsync($"{Path.GetFileName(root.Directory)}-{++_processes}", process, linked.Token);
            _running.Add(run);
        }
        try
        {
            var result = await run;
            await ReportAsync(process.Output);
            return disk.IsExceeded ? throw disk.Describe() : result;
        }
        catch (OperationCanceledException) when (disk.IsExceeded && !cancellationToken.IsCancellationRequested)
        {
            throw disk.Describe();
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
        // A layer that is half made cannot be gone on with.
        if (survival is not null)
            SandboxRecord.Remove(root.Directory);
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
        survival?.Dispose();
        await root.DisposeAsync();
        snapshot.Dispose();
        if (_network is { IsCompletedSuccessfully: true })
            networks.Return(await _network);
        // Not disposed: a caller that was just cancelled may still unregister from it; it holds no handle.
    }

    private async Task<ProcessResult> RunContainerAsync(string id, ProcessSpec process, CancellationToken cancellationToken)
    {
        await Task.Yield();
        var directory = Path.Combine(root.Directory, id);
        if (survival?.HasRun(directory) == true)
            return await GoOnAsync(id, directory, process, cancellationToken);
        Directory.CreateDirectory(directory);
        try
        {
            WorkingDirectory.Make(_files, process.WorkingDirectory);
            var mounts = process.ExtraVolumes.Count + process.TemporaryFileSystems.Count;
            var rootfs = mounts == 0 ? root.Merged : MountForProcess(process, directory);
            var bundle = BundleFactory.Create(process, await PlaceAsync(rootfs, id, process.Network, cancellationToken));
            using var outliving = survival is null ? null : new ContainerSurvival(directory, root.Group!.Path, survival.OrphanTime, bundle.HasNetwork ? (await NetworkAsync()).Life : null);
            using var memory = spec.HasSecrets ? MemoryDirectory.Make(owner) : null;
            var run = new ContainerRun(memory is null ? engine : engine.In(memory.Path), root.Group!, id, directory, memory?.Path ?? directory, options.MinFreeBytes, outliving);
            return await run.ExecuteAsync(bundle, process, cancellationToken);
        }
        finally
        {
            if (process.ExtraVolumes.Count + process.TemporaryFileSystems.Count > 0)
                MountTable.UnmountBelow(directory);
            // Whoever takes the sandbox over gives the output of all its processes again.
            if (survival is null)
                Trash.Delete(directory);
        }
    }

    /// <summary>A process that was run before this process came: its output from the beginning, and its end.</summary>
    private async Task<ProcessResult> GoOnAsync(string id, string directory, ProcessSpec process, CancellationToken cancellationToken)
    {
        using var outliving = new ContainerSurvival(directory, root.Group!.Path, survival!.OrphanTime, network: null);
        return await new ContainerRun(engine, root.Group, id, directory, directory, options.MinFreeBytes, outliving)
            .AttachAsync(survival.Adopted!.TakeSupervisor(directory), process, cancellationToken);
    }

    private async Task<ContainerPlace> PlaceAsync(string rootfs, string id, bool network, CancellationToken cancellationToken)
    {
        var egress = await networks.DecideAsync(cancellationToken);
        if (network && egress == SandboxEgress.Host)
            spec.RefuseList("share this machine's network (sandbox.egress host, or auto without slirp4netns)");
        var place = new ContainerPlace(rootfs, options.HostName, options.CaBundle is not null)
        {
            Egress = egress,
            NetworkNamespace = network && egress == SandboxEgress.Open ? (await NetworkAsync()).Path : null,
            MaxFileBytes = options.MaxLayerBytes,
        };
        // The kernel counts all threads of the user in this user namespace, ours among them.
        return root.Group!.Exists ? place with { ControlGroup = $"{root.Group.Path}/{id}" }
            : place with { MaxProcesses = spec.Limits.MaxProcesses + System.Diagnostics.Process.GetCurrentProcess().Threads.Count };
    }

    /// <summary>All processes of the sandbox share one; who needs it first takes it.</summary>
    private Task<SandboxNetwork> NetworkAsync()
    {
        lock (_gate)
            return _network is null or { IsFaulted: true } or { IsCanceled: true } ? _network = networks.RentAsync(spec.Egress is { } list ? new EgressRules(list, options.Hosts, options.Lookup) : null, CancellationToken.None) : _network;
    }

    /// <summary>Says what was kept from processes, when one has ended: its output is nobody else's to write to before.</summary>
    private async Task ReportAsync(IProcessOutput output)
    {
        if (_network is not { IsCompletedSuccessfully: true } network)
            return;
        foreach (var note in (await network).TakeNotes())
            output.Write(Encoding.UTF8.GetBytes($"egress: {note}\n"), isError: true);
    }

    /// <summary>A second view of the root for one process, with its own mounts in it; what is mounted inside another mount comes after it.</summary>
    private string MountForProcess(ProcessSpec process, string directory)
    {
        var rootfs = Path.Combine(directory, "rootfs");
        Directory.CreateDirectory(rootfs);
        using (var clone = Libc.CloneMount(root.Merged, recursive: true))
            Binds.Attach(clone, rootfs);
        using var handle = Libc.OpenDirectory(rootfs);
        var files = new RootedDirectory(rootfs);
        var mounts = process.ExtraVolumes.Select(volume => (volume.Path, Volume: (Volume?)volume, Size: 0L))
            .Concat(process.TemporaryFileSystems.Select(temporary => (temporary.Path, Volume: (Volume?)null, Size: temporary.SizeBytes)));
        foreach (var (path, volume, size) in mounts.OrderBy(mount => mount.Path.Count(c => c == '/')))
        {
            if (BundleFactory.MountPoints.Any(special => (path + "/").StartsWith(special + "/", StringComparison.Ordinal)))
                throw new SandboxException($"nothing can be mounted at {path}: the runtime makes {path.Split('/')[1]} anew for each process; choose another target");
            _processMountPoints.Make(path, volume is null || ProcessMountPoints.IsDirectory(volume), files);
            if (volume is null)
                Binds.AttachMemory(handle, path, size);
            else
                Binds.Attach(handle, volume.HostPath, path, volume.ReadOnly);
        }
        if (survival is not null)
            SandboxRecord.SaveMountPoints(root.Directory, _processMountPoints.Made);
        return rootfs;
    }

    private Layer? Commit(CancellationToken cancellationToken)
    {
        _processMountPoints.RemoveEmpty();
        root.Unmount();
        // The root's own attributes are no part of a layer; what comes next must not see a difference either.
        Libc.ChangeMode(root.Upper, 0x1ED);
        using var held = new RootedDirectory(root.Upper).Hold();
        var upper = held.Files;
        var image = root.OpenImage(out var view);
        IReadOnlyList<Change> changes;
        using (view)
        {
            HashSet<string> excluded = [.. root.Mounted, .. spec.ExcludedPaths.Select(path => "/" + path.Trim('/'))];
            var tree = new UpperTree(upper, image, excluded, root.MadeDirectories);
            changes = tree.Read();
            tree.CheckSize(options.MaxLayerBytes, options.MaxLayerEntries);
        }
        if (changes.Count == 0)
            return null;
        using var writer = LayerWriter.Create(store);
        var layer = new UpperPacker(upper, writer, cancellationToken).Pack(changes);
        snapshots.Adopt(root.Upper, ChainId.Append(snapshot.Chain, layer.DiffId));
        return layer;
    }

    private void Open()
    {
        if (_closed)
            throw new InvalidOperationException($"the sandbox {spec.Handle} has been committed or disposed");
    }
}
