using Grid.Docker;
using Grid.Hosting.Configuration;
using Grid.Lifecycle;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Registry;
using Grid.Sandbox;
using Grid.Sandbox.OciRuntime;

namespace Grid.Hosting.Doctor;

/// <summary>Looks at everything a node needs, and says what is missing and what mends it.</summary>
public static class NodeDoctor
{
    /// <summary>The findings, in the order of what builds on what.</summary>
    /// <param name="options">The node's settings: only what they ask for is looked at.</param>
    /// <param name="registries">Registries to knock at.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public static async IAsyncEnumerable<Finding> ExamineAsync(
        NodeOptions options, IReadOnlyList<string> registries, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var machine = new MachineChecks();
        if (options.Roles.HasFlag(NodeRoles.Worker))
        {
            yield return Environment.IsPrivilegedProcess ? Finding.Ok("privileges", "root") : Finding.Missing("privileges", "not root, which mounts and containers need", "sudo grid doctor");
            foreach (var finding in machine.All())
                yield return finding;
        }
        foreach (var finding in MachineChecks.DataDirectory(options.Node.DataDirectory))
            yield return finding;
        yield return machine.Journal(options.Node.DataDirectory);
        if (options.Roles.HasFlag(NodeRoles.Worker))
        {
            yield return await RuntimeAsync(options.Node, cancellationToken);
            yield return await DockerAsync(cancellationToken);
            yield return File.Exists(options.Node.Launcher)
                ? Finding.Ok("launcher", options.Node.Launcher)
                : Finding.Advice("launcher", $"{options.Node.Launcher} is not there: only builders that bring their own can be used", "deploy/install.sh, or set GRID_LAUNCHER");
            foreach (var finding in ProgramChecks.Of(Environment.GetEnvironmentVariable("PATH") ?? ""))
                yield return finding;
        }
        foreach (var storage in StorageChecks.Of(options, cancellationToken))
            yield return await storage;
        if (StorageChecks.Retention(options) is { } retention)
            yield return retention;
        foreach (var registry in registries)
            yield return await RegistryAsync(registry, options.Node, cancellationToken);
    }

    /// <summary>Really runs a container, in a directory of its own.</summary>
    private static async Task<Finding> RuntimeAsync(GridOptions options, CancellationToken cancellationToken)
    {
        var directory = Directory.CreateTempSubdirectory("grid-doctor-");
        try
        {
            using var runtime = new OciSandboxRuntime(
                new OciRuntimeOptions { StateDirectory = Path.Combine(directory.FullName, "sandbox"), Runtime = options.SandboxRuntime }, new ContentStore(Path.Combine(directory.FullName, "content")));
            await runtime.ProbeAsync(cancellationToken);
            return Finding.Ok("oci runtime", runtime.Name);
        }
        catch (Exception e) when (e is SandboxException or IOException or UnauthorizedAccessException)
        {
            return Finding.Missing("oci runtime", e.Message, options.SandboxRuntime is { } named ? $"install {named}, or name another with GRID_SANDBOX_RUNTIME" : "apt-get install runc");
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task<Finding> DockerAsync(CancellationToken cancellationToken)
    {
        using var docker = new DockerImageStore();
        try
        {
            await docker.CheckWriteAsync(new ImageLocation.Docker("grid-doctor:latest"), cancellationToken);
            return Finding.Ok("docker engine", "answers");
        }
        catch (ImageAccessException)
        {
            return Finding.Ok("docker engine", "none answers; it is needed only for docker: images");
        }
    }

    private static async Task<Finding> RegistryAsync(string registry, GridOptions options, CancellationToken cancellationToken)
    {
        var store = new RegistryImageStore(new RegistryOptions { Insecure = options.InsecureRegistries, Hosts = options.Hosts }, DockerConfigCredentials.FromEnvironment());
        try
        {
            await store.FindAsync(ImageLocation.Parse($"{registry}/grid-doctor/none:latest"), HostPlatform.Current, cancellationToken);
            return Finding.Ok("registry", $"{registry} answers");
        }
        catch (Exception e) when (e is ImageAccessException or FormatException or IOException or HttpRequestException)
        {
            return Finding.Missing("registry", e.Message, $"see whether {registry} can be reached, and docker login {registry}; a registry with plain http: --insecure-registry {registry}");
        }
    }
}
