using System.Text;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.FileSystem;
using Grid.Sandbox.OciRuntime.Bundles;
using Grid.Sandbox.OciRuntime.Engines;
using Grid.Sandbox.OciRuntime.Networks;
using Grid.Sandbox.OciRuntime.Snapshots;
using Grid.Sandbox.OciRuntime.Survival;

namespace Grid.Sandbox.OciRuntime;

/// <summary>
/// Sandboxes by an OCI runtime (runc, crun or one like them) over overlayfs, without a daemon. Needs Linux 5.12, root, and control groups of either
/// version. Processes, mounts and directories are below <see cref="OciRuntimeOptions.StateDirectory"/>, which several processes may share.
/// Dispose it after its sandboxes.
/// </summary>
public sealed class OciSandboxRuntime : ISandboxRuntime, ISnapshotCache, ISandboxSurvivors, IDisposable
{
    private readonly OciRuntimeOptions _options;
    private readonly ContentStore _store;
    private readonly StateDirectory _state;
    private readonly SnapshotStore _snapshots;
    private readonly Lazy<RuntimeEngine> _engine;
    private readonly NetworkPool _networks;
    private readonly SemaphoreSlim _start = new(1);
    private readonly SurvivorTable _survivors = new();
    private bool _started;

    /// <summary>Uses a state directory and a content store. Throws <see cref="ArgumentException"/> for options that cannot work.</summary>
    public OciSandboxRuntime(OciRuntimeOptions options, ContentStore store)
    {
        options.Validate();
        _options = options with { StateDirectory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.StateDirectory)) };
        _store = store;
        _state = new StateDirectory(_options.StateDirectory);
        _snapshots = new SnapshotStore(store, _state.Layers, _state.Temporary, new SnapshotUses(_state.Uses, _state.IsShared));
        _networks = new NetworkPool(_options.Egress);
        _engine = new Lazy<RuntimeEngine>(() => RuntimeEngine.Find(_options, _state));
    }

    /// <inheritdoc/>
    /// <remarks>When no runtime works this says so and why; the first use is what probes.</remarks>
    public string Name
    {
        get
        {
            try
            {
                return _engine.Value.Name;
            }
            catch (SandboxException failure)
            {
                return $"no OCI runtime: {failure.Message}";
            }
        }
    }

    /// <inheritdoc/>
    public string? Warning => string.Join("; ", new[] { _engine.IsValueCreated ? RuntimeAdvisory.Of(_engine.Value.Name) : null, _networks.Warning }.OfType<string>()) is { Length: > 0 } text ? text : null;

    /// <inheritdoc/>
    public Task ProbeAsync(CancellationToken cancellationToken) => Task.Run(() => _engine.Value, cancellationToken);

    /// <inheritdoc/>
    public async Task<ISandbox> CreateAsync(SandboxSpec spec, CancellationToken cancellationToken)
    {
        StateDirectory.CheckHandle(spec.Handle);
        FilesOnlySandbox.Check(spec);
        await StartAsync(cancellationToken);
        var engine = _engine.Value;
        if (spec.Identity is { } identity && _survivors.Take(identity) is { } survivor)
            return await AdoptAsync(spec, survivor, engine, cancellationToken);
        await _state.ClaimAsync(spec.Handle, RecoverSandboxAsync, cancellationToken);
        var directory = Path.Combine(_state.Sandboxes, spec.Handle);
        var mounted = new SandboxRoot(directory, ControlGroupOf(spec.Handle));
        if (spec.FilesOnly)
            return new FilesOnlySandbox(spec, directory, new LayerBounds(_options.MaxLayerBytes, _options.MaxLayerEntries), _store, mounted.DisposeAsync);
        Snapshot? snapshot = null;
        try
        {
            snapshot = await _snapshots.EnsureAsync(spec.Parent, spec.Blobs, cancellationToken);
            var egress = await _networks.DecideAsync(cancellationToken);
            await Task.Run(() => mounted.Mount(spec, _options, egress, snapshot.Directories), cancellationToken);
            var survival = OrphanTimeOf(spec) is { } time ? new SandboxSurvival(Guid.NewGuid().ToString("n"), time, Adopted: null) : null;
            if (survival is not null)
            {
                Supervisor.Claim(directory);
                new SandboxRecord(survival.Id, spec.Identity!.Owner, spec.Identity.Work, SandboxRecord.CurrentBoot(), mounted.Image, [.. mounted.Mounted], [.. mounted.MadeDirectories]).Save(directory);
            }
            return new OciSandbox(spec, snapshot, mounted, engine, _options, _store, _snapshots, _networks, _state.Owner, survival);
        }
        catch
        {
            await mounted.DisposeAsync();
            snapshot?.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public IReadOnlyList<SurvivingSandbox> Survivors => _survivors.All;

    /// <inheritdoc/>
    public async Task EndAsync(SurvivingSandbox survivor)
    {
        if (_survivors.Take(survivor.Handle) is { } found)
            await EndAsync(found);
    }

    /// <inheritdoc/>
    public IReadOnlyList<UnpackedLayer> ListUnpacked() => _snapshots.List();

    /// <inheritdoc/>
    public bool TryRemoveUnpacked(string name) => _snapshots.TryRemove(name);

    /// <inheritdoc/>
    public async Task RecoverAsync(CancellationToken cancellationToken)
    {
        await StartAsync(cancellationToken);
        foreach (var directory in Directory.GetDirectories(_state.Sandboxes))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (StateDirectory.OwnerOf(directory) is { } owner && _state.IsAlive(owner))
                continue;
            if (OrphanTime is not null && await Task.Run(() => Survivor.TryTake(directory, _snapshots.Hold), cancellationToken) is { } survivor)
            {
                _state.TakeOver(directory);
                _survivors.Add(survivor);
            }
            else
            {
                await RecoverSandboxAsync(directory);
            }
        }
        foreach (var owner in _state.DeadOwners().ToList())
        {
            await new SandboxRoot(Path.Combine(_state.Unpacking, owner), ProbeContainer.ControlGroupOf(_options, owner)).DisposeAsync();
            MemoryDirectory.RemoveOf(owner);
            _state.Forget(owner);
        }
    }

    /// <summary>Removes this process's claim on the state directory. Unpacked layers stay for the next one, and so do sandboxes that nobody asked for.</summary>
    public void Dispose()
    {
        _survivors.Dispose();
        _networks.Dispose();
        _start.Dispose();
        _state.Dispose();
    }

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        await _start.WaitAsync(cancellationToken);
        try
        {
            if (!_started)
                await _state.ForgetOldBootAsync(cancellationToken);
            _started = true;
        }
        finally
        {
            _start.Release();
        }
    }

    /// <summary>Where everything ends with the process that enters the user namespace, nothing outlives it.</summary>
    private TimeSpan? OrphanTime => UserNamespace.IsInside ? null : _options.OrphanTime;

    /// <summary>How long a sandbox goes on without this process; null for one of which a part lives in this process, such as its directory in memory.</summary>
    private TimeSpan? OrphanTimeOf(SandboxSpec spec) => spec.Identity is null || spec.HasSecrets ? null : OrphanTime;

    private async Task<ISandbox> AdoptAsync(SandboxSpec spec, Survivor survivor, RuntimeEngine engine, CancellationToken cancellationToken)
    {
        var directory = survivor.Directory;
        var mounted = new SandboxRoot(directory, ControlGroupOf(Path.GetFileName(directory)));
        Snapshot? snapshot = null;
        try
        {
            snapshot = await _snapshots.EnsureAsync(spec.Parent, spec.Blobs, cancellationToken);
            var egress = await _networks.DecideAsync(cancellationToken);
            await Task.Run(() => mounted.Adopt(spec, _options, egress, snapshot.Directories, survivor), cancellationToken);
            return new OciSandbox(spec, snapshot, mounted, engine, _options, _store, _snapshots, _networks, _state.Owner,
                new SandboxSurvival(survivor.Record.Id, OrphanTime!.Value, survivor));
        }
        catch (Exception failure)
        {
            snapshot?.Dispose();
            await EndAsync(survivor);
            if (failure is IOException or SandboxException)
                throw new SandboxAbandonedException($"cannot go on with the sandbox {Path.GetFileName(directory)}: {failure.Message}", failure);
            throw;
        }
    }

    private async Task EndAsync(Survivor survivor)
    {
        survivor.Dispose();
        await RecoverSandboxAsync(survivor.Directory);
    }

    /// <summary>Ends and removes a sandbox whose process is dead, whichever runtime it used.</summary>
    private async Task RecoverSandboxAsync(string directory)
    {
        foreach (var process in Survivor.ProcessesOf(directory))
            Supervisor.Kill(process);
        var handle = Path.GetFileName(directory);
        var runtimes = Directory.Exists(_state.Runtimes) ? Directory.GetDirectories(_state.Runtimes) : [];
        foreach (var root in runtimes)
            RuntimeEngine.Recover(root, handle);
        await new SandboxRoot(directory, ControlGroupOf(handle)).DisposeAsync();
        foreach (var root in runtimes)
            RuntimeEngine.Forget(root, handle);
    }

    /// <summary>Node-wide names: two state directories may hold the same handle.</summary>
    private string ControlGroupOf(string handle) =>
        $"{_options.ControlGroup}/{Digest.Compute(Encoding.UTF8.GetBytes(_options.StateDirectory)).Hex[..12]}/{handle}";
}
