using System.Text;
using Grid.Lifecycle;
using Grid.Oci;
using Grid.Oci.FileSystem;
using Grid.Sandbox;

namespace Grid.Worker;

/// <summary>
/// What of <c>&lt;platform&gt;</c> holds secrets: <c>env</c> and <c>bindings</c> of a tenant that has some, in memory where the machine allows it, for as long as a
/// sandbox needs them. It is mounted over the build's own directories and is part of no layer.
/// </summary>
internal sealed class PrivatePlatform : IDisposable
{
    /// <summary>Where buildpacks look for bindings (servicebinding.io, workload projection).</summary>
    private const string RootVariable = "SERVICE_BINDING_ROOT";
    private const int DirectoryMode = 0b111_101_101;
    private const int FileMode = 0b110_100_100;
    private readonly string? _scratch;
    private readonly PhaseEnvironment _environment;

    private PrivatePlatform(string? scratch, PhaseEnvironment environment) => (_scratch, _environment) = (scratch, environment);

    /// <summary>Lays out what there is; nothing when the tenant has no secrets for buildpacks.</summary>
    /// <param name="builds">Directory of the node's builds: names the place, so that what a crash leaves is found again.</param>
    /// <param name="secrets">The tenant's.</param>
    /// <param name="variables">The build's own environment, which wins.</param>
    /// <param name="environment">Where the platform directory is inside.</param>
    public static PrivatePlatform Create(string builds, TenantSecrets secrets, IReadOnlyDictionary<string, string> variables, PhaseEnvironment environment)
    {
        if (secrets.Variables.Count == 0 && secrets.Bindings.Count == 0)
            return new PrivatePlatform(null, environment);
        var scratch = Directory.CreateDirectory(Path.Combine(ScratchOf(builds), Path.GetRandomFileName()), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
        var platform = new PrivatePlatform(scratch, environment);
        try
        {
            platform.Write(secrets, variables);
            return platform;
        }
        catch
        {
            platform.Dispose();
            throw;
        }
    }

    /// <summary>Whether there is anything.</summary>
    public bool HasSecrets => _scratch is not null;

    /// <summary>To be mounted after the build's own directories.</summary>
    public IEnumerable<Volume> Volumes => _scratch is null ? [] :
    [
        new(Path.Combine(_scratch, "env"), _environment.PlatformDirectory + "/env", ReadOnly: true),
        new(Path.Combine(_scratch, "bindings"), _environment.PlatformDirectory + "/bindings", ReadOnly: true),
    ];

    /// <summary>Removes what an earlier process of this node left.</summary>
    public static void DeleteAll(string builds)
    {
        if (Directory.Exists(ScratchOf(builds)))
            Directory.Delete(ScratchOf(builds), recursive: true);
    }

    public void Dispose()
    {
        if (_scratch is not null)
            Directory.Delete(_scratch, recursive: true);
    }

    private static string ScratchOf(string builds) =>
        Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), "grid-platform-" + Digest.Compute(Encoding.UTF8.GetBytes(Path.GetFullPath(builds))).Hex[..16]);

    private void Write(TenantSecrets secrets, IReadOnlyDictionary<string, string> variables)
    {
        var files = new RootedDirectory(_scratch!);
        files.CreateDirectory("/env", DirectoryMode);
        files.CreateDirectory("/bindings", DirectoryMode);
        var all = new Dictionary<string, byte[]>(secrets.Variables, StringComparer.Ordinal);
        if (secrets.Bindings.Count > 0)
            all[RootVariable] = Encoding.UTF8.GetBytes(_environment.PlatformDirectory + "/bindings");
        foreach (var (name, value) in variables)
            all[name] = Encoding.UTF8.GetBytes(value);
        foreach (var (name, value) in all)
            files.WriteFile("/env/" + name, value, FileMode);
        foreach (var (name, binding) in secrets.Bindings)
        {
            files.CreateDirectory("/bindings/" + name, DirectoryMode);
            foreach (var (key, value) in binding.Entries)
                files.WriteFile($"/bindings/{name}/{key}", value, FileMode);
        }
    }
}
