using System.Text;
using Docker.DotNet;
using Docker.DotNet.Models;
using Grid.Oci.FileSystem;
using Grid.Oci.Layers;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime.Bundles;
using Mount = Docker.DotNet.Models.Mount;
using Privileges = Grid.Sandbox.Privileges;
using Volume = Grid.Sandbox.Volume;

namespace Grid.Docker.Sandboxes;

/// <summary>
/// A container of the engine and its directories. The engine's own "init" layer, which holds the mount points, is replaced by ours: then mount points
/// look as with the OCI runtime, and making them never shows up in a layer.
/// </summary>
internal sealed class EngineContainer
{
    private readonly Engine _engine;
    private readonly string _id;

    private EngineContainer(Engine engine, string id, ContainerMode mode, string upper, string init)
    {
        _engine = engine;
        _id = id;
        Mode = mode;
        Upper = upper;
        Init = init;
    }

    public ContainerMode Mode { get; }

    /// <summary>Takes what is written.</summary>
    public string Upper { get; }

    /// <summary>The layer with the mount points.</summary>
    public string Init { get; }

    /// <summary>Process id of the first process while it runs.</summary>
    public int Pid { get; private set; }

    public string Id => _id;

    /// <summary>Makes a container that does not run yet.</summary>
    /// <param name="engine">Where.</param>
    /// <param name="name">Unique in the engine.</param>
    /// <param name="labels">How recovery finds it.</param>
    /// <param name="setup">What all containers of the sandbox have.</param>
    /// <param name="mode">What this one has.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<EngineContainer> CreateAsync(
        Engine engine, string name, IDictionary<string, string> labels, ContainerSetup setup, ContainerMode mode, CancellationToken cancellationToken)
    {
        var parameters = Parameters(name, labels, setup, mode);
        var created = await engine.TalkAsync("make a container", () => engine.Client.Containers.CreateContainerAsync(parameters, cancellationToken), cancellationToken);
        try
        {
            var inspected = await engine.TalkAsync("read a container", () => engine.Client.Containers.InspectContainerAsync(created.ID, cancellationToken), cancellationToken);
            var data = inspected.GraphDriver?.Data ?? throw new SandboxException($"the Docker engine at {engine.Endpoint} does not say where it keeps a container");
            return new EngineContainer(engine, created.ID, mode, data["UpperDir"], data["LowerDir"].Split(':', 2)[0]);
        }
        catch
        {
            await RemoveAsync(engine, created.ID);
            throw;
        }
    }

    /// <summary>Starts the first process. The root must not be mounted anywhere else.</summary>
    /// <param name="plan">Where the engine's own files are.</param>
    public async Task StartAsync(MountPointPlan plan)
    {
        await _engine.TalkAsync("start a container", () => _engine.Client.Containers.StartContainerAsync(_id, new ContainerStartParameters(), CancellationToken.None), CancellationToken.None);
        Pid = (int)((await InspectAsync()).State?.Pid ?? 0);
        if (Pid <= 0 || !Directory.Exists($"/proc/{Pid}/root"))
            throw new SandboxException($"the first process of the container {_id} cannot be seen from here; the Docker engine must be in the same process namespace");
        // What a process can see must not depend on when it ran.
        var root = new RootedDirectory($"/proc/{Pid}/root");
        foreach (var file in plan.EngineFiles.Where(file => root.Stat(file, followLinks: false) is { IsFile: true }))
            root.SetModifiedTime(file, LayerTimes.Normalized);
    }

    /// <summary>Kills all processes; afterwards the engine no longer has the root mounted.</summary>
    public async Task KillAsync()
    {
        Pid = 0;
        try
        {
            await _engine.Client.Containers.KillContainerAsync(_id, new ContainerKillParameters { Signal = "KILL" }, CancellationToken.None);
        }
        catch (DockerApiException notRunning) when (notRunning.StatusCode is System.Net.HttpStatusCode.Conflict or System.Net.HttpStatusCode.NotFound)
        {
            return;
        }
        await _engine.TalkAsync("end a container", () => _engine.Client.Containers.WaitContainerAsync(_id, CancellationToken.None), CancellationToken.None);
        // The engine answers this when it has cleaned up, which is later than when it notices the end.
        await InspectAsync();
    }

    public Task RemoveAsync() => RemoveAsync(_engine, _id);

    /// <summary>Ends and removes a container; one that is gone is no error.</summary>
    public static async Task RemoveAsync(Engine engine, string id)
    {
        try
        {
            await engine.TalkAsync("remove a container", () =>
                engine.Client.Containers.RemoveContainerAsync(id, new ContainerRemoveParameters { Force = true, RemoveVolumes = true }, CancellationToken.None), CancellationToken.None);
        }
        catch (SandboxException failure) when (failure.InnerException is DockerContainerNotFoundException)
        {
        }
    }

    private Task<ContainerInspectResponse> InspectAsync() =>
        _engine.TalkAsync("read a container", () => _engine.Client.Containers.InspectContainerAsync(_id, CancellationToken.None), CancellationToken.None);

    private static CreateContainerParameters Parameters(string name, IDictionary<string, string> labels, ContainerSetup setup, ContainerMode mode)
    {
        var privileged = mode.Privileges == Privileges.PackageManager;
        List<string> security = [$"seccomp={Encoding.UTF8.GetString(System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(Seccomp.Profile(privileged), BundleJson.Default.BundleSeccomp))}"];
        if (!privileged)
            security.Add("no-new-privileges");
        return new CreateContainerParameters
        {
            Name = name,
            Image = setup.Image,
            Entrypoint = [HoldProgram.Path],
            Hostname = setup.HostName,
            User = "0:0",
            WorkingDir = "/",
            Labels = labels,
            HostConfig = new HostConfig
            {
                NetworkMode = mode.Network ? setup.Network : "none",
                CapDrop = ["ALL"],
                CapAdd = privileged ? [.. BundleFactory.PackageManagerCapabilities] : [],
                SecurityOpt = security,
                GroupAdd = [.. mode.Groups.Select(group => group.ToString(System.Globalization.CultureInfo.InvariantCulture))],
                Memory = setup.Limits.MemoryBytes,
                MemorySwap = setup.Limits.MemoryBytes,
                NanoCPUs = setup.Limits.CpuMillis * 1_000_000L,
                // The one that holds the container is ours.
                PidsLimit = setup.Limits.MaxProcesses + 1,
                IpcMode = "private",
                CgroupnsMode = "private",
                // Control groups are nothing a process needs to see; of version 1 the engine leaves their directory writable.
                MaskedPaths = [.. BundleFactory.MaskedPaths, "/sys/fs/cgroup"],
                ReadonlyPaths = [.. BundleFactory.ReadonlyPaths],
                LogConfig = new LogConfig { Type = "none" },
                Mounts =
                [
                    .. setup.Volumes.Concat(mode.ExtraVolumes).Select(volume => new Mount { Type = "bind", Source = volume.HostPath, Target = volume.Path, ReadOnly = volume.ReadOnly }),
                    .. mode.TemporaryFileSystems.Select(temporary => new Mount { Type = "tmpfs", Target = temporary.Path, TmpfsOptions = new TmpfsOptions { SizeBytes = temporary.SizeBytes } }),
                ],
            },
        };
    }
}

/// <summary>What all containers of a sandbox have in common.</summary>
/// <param name="Image">The engine's ID of the snapshot.</param>
/// <param name="HostName">What processes see as host name.</param>
/// <param name="Network">The engine's network.</param>
/// <param name="Limits">Bounds of all processes together.</param>
/// <param name="Volumes">Volumes and files of ours.</param>
internal sealed record ContainerSetup(string Image, string HostName, string Network, SandboxLimits Limits, IReadOnlyList<Volume> Volumes);
