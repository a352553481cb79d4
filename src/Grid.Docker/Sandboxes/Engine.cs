using System.Net.Sockets;
using Docker.DotNet;
using Docker.DotNet.Models;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime;
using Version = System.Version;

namespace Grid.Docker.Sandboxes;

/// <summary>A Docker engine that was seen to have what sandboxes need.</summary>
/// <param name="Client">Speaks to it.</param>
/// <param name="Endpoint">Where it is, for messages.</param>
/// <param name="Name">Name and version.</param>
internal sealed record Engine(DockerClient Client, Uri Endpoint, string Name)
{
    private static readonly Version LeastApi = new(1, 41);

    /// <summary>
    /// Asks the engine what it is. Roots of containers are read and written on its disk, so it must be on this machine, keep them with overlay2, and
    /// not shift their owners. Throws <see cref="SandboxException"/> with what is missing.
    /// </summary>
    public static async Task<Engine> ProbeAsync(DockerClient client, Uri endpoint, CancellationToken cancellationToken)
    {
        if (!Environment.IsPrivilegedProcess || UserNamespace.IsInside)
            throw new SandboxException("the Docker engine's files can be reached by root only; run Grid as root, or use the OCI runtime, which needs no root");
        var (version, info) = await TalkAsync(endpoint, "start", async () =>
            (await client.System.GetVersionAsync(cancellationToken), await client.System.GetSystemInfoAsync(cancellationToken)), cancellationToken);
        if (Lacks(version, info) is { } lack)
            throw new SandboxException($"the engine at {endpoint} cannot run sandboxes: {lack}");
        return new Engine(client, endpoint, $"docker {version.Version}");
    }

    /// <summary>Calls the engine; what it or the connection complains of becomes a <see cref="SandboxException"/>.</summary>
    public Task<T> TalkAsync<T>(string what, Func<Task<T>> talk, CancellationToken cancellationToken) => TalkAsync(Endpoint, what, talk, cancellationToken);

    /// <inheritdoc cref="TalkAsync{T}(string, Func{Task{T}}, CancellationToken)"/>
    public Task TalkAsync(string what, Func<Task> talk, CancellationToken cancellationToken) => TalkAsync(what, async () =>
    {
        await talk();
        return true;
    }, cancellationToken);

    /// <summary>What keeps an engine from running sandboxes, or null.</summary>
    internal static string? Lacks(VersionResponse version, SystemInfoResponse info)
    {
        string? Status(string name) => info.DriverStatus?.FirstOrDefault(pair => pair is [var key, _] && key == name)?[1];
        if (version.Components?.Any(part => part.Name.StartsWith("Podman", StringComparison.OrdinalIgnoreCase)) == true)
            return "it is Podman's service, whose containers are laid out on disk in another way than Docker's overlay2; use the OCI runtime";
        if (!Version.TryParse(version.APIVersion, out var api) || api < LeastApi)
            return $"it speaks version {version.APIVersion} of the API, and {LeastApi} is needed";
        if (info.OSType is not (null or "" or "linux"))
            return $"it runs {info.OSType} containers";
        if (info.Driver != "overlay2")
            return $"it stores images with '{info.Driver}'; set \"storage-driver\": \"overlay2\" (and \"containerd-snapshotter\": false) in its daemon.json";
        if (Status("Native Overlay Diff") is { } native && native != "true")
            return "its kernel hides changes in redirects (Native Overlay Diff: false); set the overlay module's redirect_dir and metacopy to off";
        if (info.SecurityOptions?.FirstOrDefault(option => option is "name=rootless" or "name=userns") is { } shifted)
            return $"it shifts the owners of files ({shifted}); use an engine that does not";
        return Directory.Exists(Path.Combine(info.DockerRootDir ?? "/", "overlay2"))
            ? null : $"its directory {info.DockerRootDir} is not on this machine, or in another mount namespace";
    }

    private static async Task<T> TalkAsync<T>(Uri endpoint, string what, Func<Task<T>> talk, CancellationToken cancellationToken)
    {
        try
        {
            return await talk();
        }
        catch (DockerApiException refused)
        {
            throw new SandboxException($"cannot {what}: the Docker engine at {endpoint} answered {(int)refused.StatusCode}: {refused.ResponseBody?.Trim() ?? refused.Message}", refused);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && e is HttpRequestException or SocketException or TimeoutException or OperationCanceledException)
        {
            throw new SandboxException($"cannot {what}: no Docker engine answers at {endpoint} ({e.GetBaseException().Message}); start it or set DOCKER_HOST", e);
        }
    }
}
