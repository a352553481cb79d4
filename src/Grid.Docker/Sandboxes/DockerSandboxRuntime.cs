using Docker.DotNet;
using Docker.DotNet.Models;
using Grid.Oci.Content;
using Grid.Oci.Layers;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime;
using Grid.Sandbox.OciRuntime.Bundles;
using Grid.Sandbox.OciRuntime.Linux;
using Grid.Sandbox.OciRuntime.Snapshots;
using Volume = Grid.Sandbox.Volume;

namespace Grid.Docker.Sandboxes;

/// <summary>
/// Sandboxes as containers of a Docker engine (Engine API 1.41 or newer, overlay2) on this machine. Needs root, because roots of containers are read
/// and written on the engine's disk: the API has no way to delete or rename a file, and gives changes only as a whole. Dispose it after its sandboxes.
/// </summary>
public sealed class DockerSandboxRuntime : ISandboxRuntime, IDisposable
{
    private readonly DockerSandboxOptions _options;
    private readonly ContentStore _store;
    private readonly StateDirectory _state;
    private readonly DockerClient _client;
    private readonly Uri _endpoint;
    private readonly SemaphoreSlim _probing = new(1);
    private Engine? _engine;
    private EngineSnapshots? _snapshots;

    /// <summary>Uses an engine, a state directory and a content store; the engine is first talked to when it is needed.</summary>
    public DockerSandboxRuntime(DockerSandboxOptions options, ContentStore store)
    {
        if (options.CaBundle is not null && !File.Exists(options.CaBundle))
            throw new ArgumentException($"the CA bundle '{options.CaBundle}' does not exist; name a PEM file or leave it unset");
        _options = options with { StateDirectory = Path.TrimEndingDirectorySeparator(Path.GetFullPath(options.StateDirectory)) };
        _store = store;
        _endpoint = options.Engine.ResolveEndpoint();
        _client = new DockerClientBuilder().WithEndpoint(_endpoint).Build();
        _state = new StateDirectory(_options.StateDirectory);
    }

    /// <inheritdoc/>
    /// <remarks>When the engine does not answer or lacks something this says so.</remarks>
    public string Name
    {
        get
        {
            try
            {
#pragma warning disable VSTHRD002 // A name is asked for where nothing can be awaited; the pool's thread needs nothing of the caller's.
                return Task.Run(() => EngineAsync(CancellationToken.None)).GetAwaiter().GetResult().Name;
#pragma warning restore VSTHRD002
            }
            catch (SandboxException failure)
            {
                return $"no Docker engine: {failure.Message}";
            }
        }
    }

    /// <inheritdoc/>
    public Task ProbeAsync(CancellationToken cancellationToken) => EngineAsync(cancellationToken);

    /// <inheritdoc/>
    public async Task<ISandbox> CreateAsync(SandboxSpec spec, CancellationToken cancellationToken)
    {
        StateDirectory.CheckHandle(spec.Handle);
        FilesOnlySandbox.Check(spec);
        var engine = await EngineAsync(cancellationToken);
        await _state.ClaimAsync(spec.Handle, directory => RecoverAsync(engine, directory), cancellationToken);
        var directory = Path.Combine(_state.Sandboxes, spec.Handle);
        if (spec.FilesOnly)
            return new FilesOnlySandbox(spec, directory, new LayerBounds(_options.MaxLayerBytes, _options.MaxLayerEntries), _store, () => new ValueTask(Task.Run(() => Trash.Delete(directory))));
        try
        {
            var snapshot = await _snapshots!.EnsureAsync(spec.Parent, spec.Blobs, cancellationToken);
            var setup = new ContainerSetup(snapshot.Image, _options.HostName, _options.Network, spec.Limits, [.. HostFiles(directory), .. spec.Volumes]);
            var labels = new SandboxLabels(_options.StateDirectory, spec.Handle, _state.Owner);
            var containers = await SandboxContainers.CreateAsync(engine, labels, directory, snapshot, setup, cancellationToken);
            return new DockerSandbox(engine, spec, _options, _store, _snapshots, containers);
        }
        catch
        {
            Trash.Delete(directory);
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task RecoverAsync(CancellationToken cancellationToken)
    {
        var engine = await EngineAsync(cancellationToken);
        foreach (var directory in Directory.GetDirectories(_state.Sandboxes))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (StateDirectory.OwnerOf(directory) is not { } owner || !_state.IsAlive(owner))
                await RecoverAsync(engine, directory);
        }
        await RemoveContainersAsync(engine, container => !_state.IsAlive(container.Labels[SandboxLabels.OwnerKey]));
        foreach (var owner in _state.DeadOwners().ToList())
        {
            Trash.Delete(Path.Combine(_state.Unpacking, owner));
            _state.Forget(owner);
        }
    }

    /// <summary>Removes this process's claim on the state directory. Snapshots stay in the engine for the next one.</summary>
    public void Dispose()
    {
        _snapshots?.Dispose();
        _probing.Dispose();
        _client.Dispose();
        _state.Dispose();
    }

    private async Task<Engine> EngineAsync(CancellationToken cancellationToken)
    {
        if (_engine is { } known)
            return known;
        await _probing.WaitAsync(cancellationToken);
        try
        {
            _engine ??= await Engine.ProbeAsync(_client, _endpoint, cancellationToken);
            _snapshots ??= new EngineSnapshots(_engine, _store);
            return _engine;
        }
        finally
        {
            _probing.Release();
        }
    }

    /// <summary>Removes what a dead process left of a sandbox.</summary>
    private async Task RecoverAsync(Engine engine, string directory)
    {
        var handle = Path.GetFileName(directory);
        new SandboxRootView(directory).Unmount(null);
        await RemoveContainersAsync(engine, container => container.Labels[SandboxLabels.HandleKey] == handle);
        Trash.Delete(directory);
    }

    private async Task RemoveContainersAsync(Engine engine, Func<ContainerListResponse, bool> condition)
    {
        var label = $"{SandboxLabels.StateKey}={SandboxLabels.Hash(_options.StateDirectory)}";
        var filters = new Dictionary<string, IDictionary<string, bool>> { ["label"] = new Dictionary<string, bool> { [label] = true } };
        var containers = await engine.TalkAsync("list containers", () =>
            engine.Client.Containers.ListContainersAsync(new ContainersListParameters { All = true, Filters = filters }, CancellationToken.None), CancellationToken.None);
        foreach (var container in containers.Where(condition))
            await EngineContainer.RemoveAsync(engine, container.ID);
    }

    /// <summary>Files of ours; name servers are left to the engine, for they depend on its network.</summary>
    private List<Volume> HostFiles(string directory)
    {
        var hosts = Path.Combine(directory, "hosts");
        File.WriteAllText(hosts, $"127.0.0.1\tlocalhost {_options.HostName}\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        Libc.ChangeMode(hosts, 0x1A4);
        File.SetLastWriteTimeUtc(hosts, LayerTimes.Normalized.UtcDateTime);
        return _options.CaBundle is { } bundle
            ? [new Volume(hosts, "/etc/hosts", ReadOnly: true), new Volume(bundle, BundleFactory.CaPath, ReadOnly: true)]
            : [new Volume(hosts, "/etc/hosts", ReadOnly: true)];
    }
}
