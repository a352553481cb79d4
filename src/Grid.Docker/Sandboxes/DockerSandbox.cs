using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime.Bundles;
using Grid.Sandbox.OciRuntime.Linux;
using Grid.Sandbox.OciRuntime.Snapshots;

namespace Grid.Docker.Sandboxes;

/// <summary>
/// A container whose processes are executed by the engine. What the engine fixes per container (<see cref="ContainerMode"/>) is changed by making
/// another container over the same upper directory, so processes that differ in it run one after another.
/// </summary>
internal sealed class DockerSandbox : ISandbox
{
    private readonly Engine _engine;
    private readonly SandboxSpec _spec;
    private readonly DockerSandboxOptions _options;
    private readonly ContentStore _store;
    private readonly EngineSnapshots _snapshots;
    private readonly SandboxContainers _containers;
    private readonly SandboxFiles _files = new();
    private readonly ProcessMountPoints _processMountPoints;
    private readonly CancellationTokenSource _ending = new();
    private readonly SemaphoreSlim _turn = new(1);
    private TaskCompletionSource _idle = NewIdle();
    private int _running;
    private bool _closed, _disposed;

    public DockerSandbox(Engine engine, SandboxSpec spec, DockerSandboxOptions options, ContentStore store, EngineSnapshots snapshots, SandboxContainers containers)
    {
        (_engine, _spec, _options, _store, _snapshots, _containers) = (engine, spec, options, store, snapshots, containers);
        _processMountPoints = new ProcessMountPoints(_files);
        _files.Switch(containers.Root);
    }

    /// <inheritdoc/>
    public IFileTree Files => _files;

    /// <inheritdoc/>
    public async Task<ProcessResult> RunAsync(ProcessSpec process, CancellationToken cancellationToken)
    {
        BundleFactory.Check(process);
        if (process.Network && _options.Network != "none")
            _spec.RefuseList("are containers of a Docker engine, whose network is the engine's");
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _ending.Token);
        try
        {
            var container = await EnterAsync(process, linked.Token);
            try
            {
                return await RunAsync(container, process, linked.Token);
            }
            finally
            {
                await LeaveAsync();
            }
        }
        catch (OperationCanceledException killed) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException("the process was killed", killed, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async Task<Layer?> CommitAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            Open();
            if (_running > 0)
                throw new InvalidOperationException($"{_running} processes still run in the sandbox {_spec.Handle}; a layer can be made when they have ended");
            _closed = true;
            _files.Switch(null);
            await _containers.RestAsync();
            _files.Switch(_containers.Root);
            _processMountPoints.RemoveEmpty();
            _files.Switch(null);
            await _containers.EndAsync();
        }
        finally
        {
            _turn.Release();
        }
        var layer = await Task.Run(() => Pack(cancellationToken), cancellationToken);
        if (layer is not null)
            await _snapshots.EnsureAsync([.. _spec.Parent, layer], _spec.Blobs, cancellationToken);
        return layer;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            while (_running > 0)
            {
                var idle = _idle.Task;
                _turn.Release();
                await idle;
                await _turn.WaitAsync(CancellationToken.None);
            }
            // The handle may be another sandbox's by the time somebody disposes this one again.
            if (_disposed)
                return;
            (_closed, _disposed) = (true, true);
            await _containers.RemoveAsync();
        }
        finally
        {
            _turn.Release();
        }
    }

    private async Task<ProcessResult> RunAsync(EngineContainer container, ProcessSpec process, CancellationToken cancellationToken)
    {
        var environment = _options.CaBundle is null ? process.Environment : BundleFactory.WithCaVariables(process.Environment);
        using var exec = new ContainerExec(_engine, container, () => Volatile.Read(ref _running) == 1);
        var killsBefore = ContainerMemory.Kills(container.Pid);
        var exitCode = await exec.RunAsync(process, environment, cancellationToken);
        return new ProcessResult(exitCode, exitCode != 0 && ContainerMemory.Kills(container.Pid) > killsBefore);
    }

    /// <summary>Waits until a container runs that suits the process, and counts it in.</summary>
    private async Task<EngineContainer> EnterAsync(ProcessSpec process, CancellationToken cancellationToken)
    {
        var mode = ContainerMode.Of(process);
        while (true)
        {
            Task idle;
            await _turn.WaitAsync(cancellationToken);
            try
            {
                Open();
                if (_running == 0 && !_containers.IsRunning(mode))
                    await PrepareAsync(mode);
                if (_containers.IsRunning(mode))
                {
                    WorkingDirectory.Make(_files, process.WorkingDirectory);
                    _running++;
                    return _containers.Current;
                }
                idle = _idle.Task;
            }
            finally
            {
                _turn.Release();
            }
            await idle.WaitAsync(cancellationToken);
        }
    }

    private async Task LeaveAsync()
    {
        await _turn.WaitAsync(CancellationToken.None);
        try
        {
            if (--_running > 0)
                return;
            _idle.SetResult();
            _idle = NewIdle();
            ContainerProcesses.KillAll(_containers.Current.Pid);
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <summary>Starts a container of a mode; when that fails the sandbox is at rest again.</summary>
    private async Task PrepareAsync(ContainerMode mode)
    {
        RefuseMountsInMounts(mode);
        _processMountPoints.Make(mode.ExtraVolumes, mode.TemporaryFileSystems);
        _files.Switch(null);
        try
        {
            await _containers.StartAsync(mode);
        }
        finally
        {
            _files.Switch(_containers.Root);
        }
    }

    private Layer? Pack(CancellationToken cancellationToken)
    {
        var upper = _containers.Current.Upper;
        // The root's own attributes are no part of a layer.
        Libc.ChangeMode(upper, 0x1ED);
        var files = new RootedDirectory(upper);
        IReadOnlyList<Change> changes;
        using (var view = _containers.OpenImage())
        {
            var image = new RootedDirectory($"/proc/self/fd/{Libc.Raw(view)}");
            HashSet<string> excluded = [.. _containers.Mounted, .. _spec.ExcludedPaths.Select(path => "/" + path.Trim('/'))];
            var tree = new UpperTree(files, image, excluded, _containers.MadeDirectories);
            changes = tree.Read();
            tree.CheckSize(_options.MaxLayerBytes, _options.MaxLayerEntries);
        }
        if (changes.Count == 0)
            return null;
        using var writer = LayerWriter.Create(_store);
        return new UpperPacker(files, writer, cancellationToken).Pack(changes);
    }

    private void Open()
    {
        if (_closed)
            throw new InvalidOperationException($"the sandbox {_spec.Handle} has been committed or disposed");
    }

    private static TaskCompletionSource NewIdle() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>
    /// The engine makes a mount's target by its path, through whatever is mounted above it. Another sandbox that shares that directory can put a link out of the root
    /// there meanwhile, and the engine would make the target on the machine.
    /// </summary>
    private static void RefuseMountsInMounts(ContainerMode mode)
    {
        foreach (var path in mode.ExtraVolumes.Select(volume => volume.Path).Concat(mode.TemporaryFileSystems.Select(temporary => temporary.Path)))
        {
            if (mode.ExtraVolumes.FirstOrDefault(volume => path.StartsWith(volume.Path.TrimEnd('/') + "/", StringComparison.Ordinal)) is { } outer)
                throw new SandboxException($"nothing can be mounted at {path}, inside the mount at {outer.Path}: a Docker engine does not do that safely; choose a target outside of it, or an OCI runtime (--sandbox oci)");
        }
    }
}
