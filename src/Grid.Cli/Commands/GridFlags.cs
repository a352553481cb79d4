using System.CommandLine;
using Grid.Buildpacks;
using Grid.Hosting;
using Grid.Hosting.Cache;
using Grid.Oci.Network;
using Grid.Sandbox.OciRuntime;

namespace Grid.Cli.Commands;

/// <summary>Flags of commands that start an embedded grid. They win over the environment.</summary>
internal static class GridFlags
{
    private static readonly Option<string?> DataDirectory = new("--data-dir") { Description = "Where state, caches and layers are kept (GRID_DATA_DIR)" };
    private static readonly Option<SandboxKind?> Sandbox = new("--sandbox") { Description = "What runs sandboxes: auto, oci (an OCI runtime) or docker (an engine) (GRID_SANDBOX; default: auto, the first that works)" };
    private static readonly Option<SandboxEgress?> Egress = new("--sandbox-egress") { Description = "What processes in sandboxes may reach: open (all but this machine and metadata services), none, host (this machine's network), or auto (GRID_SANDBOX_EGRESS; default: auto, open where slirp4netns works)" };
    private static readonly Option<string[]> EgressAllow = new("--sandbox-egress-allow") { Description = "Destination that may be reached, when not all may: a host, *.example.com, an IPv4 address or block, also with :port; can be repeated (GRID_SANDBOX_EGRESS_ALLOW, with commas between them)" };
    private static readonly Option<string?> Runtime = new("--sandbox-runtime") { Description = "OCI runtime: runc, crun or a path (GRID_SANDBOX_RUNTIME; default: the first that works)" };
    private static readonly Option<string?> CaBundle = new("--sandbox-ca-bundle") { Description = "PEM file of authorities that processes in sandboxes trust (GRID_SANDBOX_CA_BUNDLE)" };
    private static readonly Option<long> Memory = new("--sandbox-memory") { Description = "Memory for one sandbox in MiB (default: no bound)" };
    private static readonly Option<string?> StepTimeout = new("--sandbox-step-timeout") { Description = "How long one step of a Dockerfile may take, such as 90m (GRID_SANDBOX_STEP_TIMEOUT; default: 1h; 0s for no bound)" };
    private static readonly Option<string?> CacheMax = new("--cache-max") { Description = "Room for caches: a number of bytes, also with kB, MB or GB (GRID_CACHE_MAX; default: no bound)" };
    private static readonly Option<string[]> Insecure = new("--insecure-registry") { Description = "Registry to speak plain http with" };

    public static void AddTo(Command command)
    {
        command.Add(DataDirectory);
        command.Add(Sandbox);
        command.Add(Egress);
        command.Add(EgressAllow);
        command.Add(Runtime);
        command.Add(CaBundle);
        command.Add(Memory);
        command.Add(StepTimeout);
        command.Add(Insecure);
        command.Add(CacheMax);
    }

    /// <summary>Adds only where things are, for commands that look and start nothing.</summary>
    public static void AddDataDirectoryTo(Command command) => command.Add(DataDirectory);

    public static GridOptions Read(ParseResult parsed)
    {
        var defaults = new GridOptions();
        return defaults with
        {
            DataDirectory = Path.GetFullPath(parsed.GetValue(DataDirectory) ?? defaults.DataDirectory),
            Sandbox = parsed.GetValue(Sandbox) ?? defaults.Sandbox,
            SandboxEgress = parsed.GetValue(Egress) ?? defaults.SandboxEgress,
            SandboxEgressAllow = parsed.GetValue(EgressAllow) is { Length: > 0 } destinations
                ? Read("--sandbox-egress-allow", string.Join(',', destinations), text => EgressList.Parse(text.Split(','))) : defaults.SandboxEgressAllow,
            SandboxRuntime = parsed.GetValue(Runtime) ?? defaults.SandboxRuntime,
            SandboxCaBundle = parsed.GetValue(CaBundle) ?? defaults.SandboxCaBundle,
            SandboxMemoryBytes = parsed.GetValue(Memory) * 1024 * 1024,
            StepTimeout = (parsed.GetValue(StepTimeout) ?? Environment.GetEnvironmentVariable("GRID_SANDBOX_STEP_TIMEOUT")) is { Length: > 0 } timeout
                ? Read("--sandbox-step-timeout", timeout, Quantities.Timeout) : defaults.StepTimeout,
            InsecureRegistries = parsed.GetValue(Insecure) ?? [],
            Cache = (parsed.GetValue(CacheMax) ?? Environment.GetEnvironmentVariable("GRID_CACHE_MAX")) is { Length: > 0 } max
                ? new CacheOptions().WithMaxBytes(Read("--cache-max", max, Quantities.Bytes)) : new CacheOptions(),
        };
    }

    /// <summary>Reads the value of a flag; what is wrong is said with the flag's name.</summary>
    public static T Read<T>(string flag, string text, Func<string, T> read)
    {
        try
        {
            return read(text);
        }
        catch (FormatException e)
        {
            throw new LifecycleException(ExitCode.InvalidArgs, $"{flag} {e.Message}");
        }
    }
}
