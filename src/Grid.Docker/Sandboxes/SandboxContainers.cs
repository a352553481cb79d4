using Grid.Sandbox;
using Grid.Sandbox.OciRuntime.Bundles;
using Grid.Sandbox.OciRuntime.Mounts;
using Grid.Sandbox.OciRuntime.Snapshots;
using Microsoft.Win32.SafeHandles;
using Volume = Grid.Sandbox.Volume;

namespace Grid.Docker.Sandboxes;

/// <summary>
/// The containers of one sandbox: one at a time, each taking over what the one before wrote. At rest nothing runs and the root is mounted by us;
/// otherwise the current container runs and the root is its own. Not safe for concurrent use.
/// </summary>
internal sealed class SandboxContainers
{
    private readonly Engine _engine;
    private readonly SandboxLabels _labels;
    private readonly string _directory;
    private readonly EngineSnapshot _snapshot;
    private readonly ContainerSetup _setup;
    private readonly SandboxRootView _view;
    private EngineContainer? _current;
    private readonly MountPointPlan _plan;
    private int _number;

    private SandboxContainers(Engine engine, SandboxLabels labels, string directory, EngineSnapshot snapshot, ContainerSetup setup)
    {
        (_engine, _labels, _directory, _snapshot, _setup) = (engine, labels, directory, snapshot, setup);
        _view = new SandboxRootView(directory);
        _view.Prepare();
        // The engine must be told real paths before there is a container whose layer of mount points could be filled.
        _plan = MakeMountPoints(Directory.CreateDirectory(Path.Combine(directory, "points")).FullName);
    }

    public EngineContainer Current => _current ?? throw new InvalidOperationException("the sandbox has no container");

    /// <summary>Where the root can be reached at the moment.</summary>
    public string Root => Current.Pid > 0 ? $"/proc/{Current.Pid}/root" : _view.Merged;

    /// <summary>Real paths at which something of ours is mounted.</summary>
    public IEnumerable<string> Mounted => [.. BundleFactory.MountPoints, .. _plan.Real, .. _plan.EngineFiles, _plan.Hold];

    /// <summary>Directories that exist for mount points only.</summary>
    public IReadOnlySet<string> MadeDirectories => _plan.MadeDirectories;

    /// <summary>Makes a sandbox at rest.</summary>
    public static async Task<SandboxContainers> CreateAsync(
        Engine engine, SandboxLabels labels, string directory, EngineSnapshot snapshot, ContainerSetup setup, CancellationToken cancellationToken)
    {
        var containers = await Task.Run(() => new SandboxContainers(engine, labels, directory, snapshot, setup), cancellationToken);
        try
        {
            await containers.MakeAsync(ContainerMode.Default, cancellationToken);
            await Task.Run(containers.MountAtRest, cancellationToken);
        }
        catch
        {
            await containers.RemoveAsync();
            throw;
        }
        return containers;
    }

    public bool IsRunning(ContainerMode mode) => Current.Pid > 0 && Current.Mode == mode;

    /// <summary>Starts a container of a mode; at rest when that fails.</summary>
    public async Task StartAsync(ContainerMode mode)
    {
        await EndAsync();
        try
        {
            if (Current.Mode != mode)
                await MakeAsync(mode, CancellationToken.None);
            await Current.StartAsync(_plan);
        }
        catch
        {
            await Current.KillAsync();
            MountAtRest();
            throw;
        }
    }

    /// <summary>Ends what runs; nothing is mounted afterwards.</summary>
    public async Task EndAsync()
    {
        if (Current.Pid > 0)
            await Current.KillAsync();
        _view.Unmount(Current);
    }

    /// <summary>Ends what runs and mounts the root for us.</summary>
    public async Task RestAsync()
    {
        if (Current.Pid == 0)
            return;
        await EndAsync();
        await Task.Run(MountAtRest);
    }

    /// <summary>A read-only view of the image.</summary>
    public SafeFileHandle OpenImage() => Overlay.View(_snapshot.Layers, _view.Empty);

    /// <summary>Ends and removes everything, the sandbox's directory too.</summary>
    public async Task RemoveAsync()
    {
        _view.Unmount(_current);
        if (_current is not null)
            await _current.RemoveAsync();
        await Task.Run(() => Trash.Delete(_directory));
    }

    private async Task MakeAsync(ContainerMode mode, CancellationToken cancellationToken)
    {
        var container = await EngineContainer.CreateAsync(_engine, $"{_labels.Name}-{++_number}", _labels.ToDictionary(), _setup with { Volumes = Visible() }, mode, cancellationToken);
        (_current, var previous) = (container, _current);
        MakeMountPoints(container.Init);
        if (previous is null)
            return;
        // On one file system, so it costs one system call however much has been written.
        Directory.Delete(container.Upper);
        Directory.Move(previous.Upper, container.Upper);
        await previous.RemoveAsync();
    }

    /// <summary>Volumes at their real paths, so that no link can send the engine elsewhere. What the kernel's own files would cover is left out.</summary>
    private List<Volume> Visible() => [.. _setup.Volumes.Zip(_plan.Real, (volume, real) => volume with { Path = real })
        .Where(volume => !BundleFactory.MountPoints.Any(special => volume.Path.StartsWith(special + "/", StringComparison.Ordinal)))];

    private MountPointPlan MakeMountPoints(string directory) =>
        MountPointLayer.Make(directory, _snapshot.Layers, [.. _setup.Volumes.Select(volume => (volume.Path, Directory.Exists(volume.HostPath)))], _view.Empty);

    private void MountAtRest() => _view.Mount(Current, _snapshot.Layers, _setup.Volumes.Zip(_plan.Real));
}
