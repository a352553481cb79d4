using Grid.Grains.Retention;
using Grid.Hosting.Cache;
using Grid.Oci.Network;
using Grid.Sandbox.OciRuntime;

namespace Grid.Hosting;

/// <summary>Settings of a node. Each can be given as a flag or as an environment variable of the same name: <c>GRID_DATA_DIR</c>, <c>GRID_SANDBOX</c>, <c>GRID_SANDBOX_EGRESS</c>, <c>GRID_SANDBOX_EGRESS_ALLOW</c>, <c>GRID_SANDBOX_RUNTIME</c>, <c>GRID_SANDBOX_CA_BUNDLE</c>.</summary>
public sealed record GridOptions
{
    /// <summary>Where grain state, content, unpacked layers and build journals are kept.</summary>
    public string DataDirectory { get; init; } = DefaultDataDirectory();

    /// <summary>What runs sandboxes (<c>GRID_SANDBOX</c>: auto, oci or docker).</summary>
    public SandboxKind Sandbox { get; init; } = SandboxRuntimes.Parse(Environment.GetEnvironmentVariable("GRID_SANDBOX"));

    /// <summary>What processes in sandboxes may reach when they have a network (<c>GRID_SANDBOX_EGRESS</c>: auto, open, none or host).</summary>
    public SandboxEgress SandboxEgress { get; init; } = SandboxRuntimes.ParseEgress(Environment.GetEnvironmentVariable("GRID_SANDBOX_EGRESS"));

    /// <summary>Destinations that are all that processes in sandboxes, and ADD, may reach (<c>GRID_SANDBOX_EGRESS_ALLOW</c>, with commas between them); null for no list.</summary>
    public EgressList? SandboxEgressAllow { get; init; } = SandboxRuntimes.ParseEgressAllow(Environment.GetEnvironmentVariable("GRID_SANDBOX_EGRESS_ALLOW")?.Split(','));

    /// <summary>OCI runtime of the sandbox: a name or path, or null for the first that works.</summary>
    public string? SandboxRuntime { get; init; } = Environment.GetEnvironmentVariable("GRID_SANDBOX_RUNTIME");

    /// <summary>
    /// PEM file with certificate authorities that processes inside a sandbox trust, for builds behind an inspecting proxy. It is mounted and
    /// never gets into a layer.
    /// </summary>
    public string? SandboxCaBundle { get; init; } = Environment.GetEnvironmentVariable("GRID_SANDBOX_CA_BUNDLE");

    /// <summary>Memory for one sandbox in bytes; 0 for no bound.</summary>
    public long SandboxMemoryBytes { get; init; }

    /// <summary>Processes and threads in one sandbox.</summary>
    public int SandboxMaxProcesses { get; init; } = 4096;

    /// <summary>How long a sandbox goes on without this process; null when it ends with it, as what a command started has to.</summary>
    public TimeSpan? SandboxOrphanTime { get; init; }

    /// <summary>How long one Dockerfile step may take (<c>GRID_SANDBOX_STEP_TIMEOUT</c>); zero for no bound.</summary>
    public TimeSpan StepTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Hosts that builds may name: registries and URLs. All but link-local ones where what is built is the user's own.</summary>
    public HostPolicy Hosts { get; init; } = HostPolicy.Own;

    /// <summary>Registries to speak plain http with, besides loopback ones.</summary>
    public IReadOnlyList<string> InsecureRegistries { get; init; } = [];

    /// <summary>How long what is cached is kept, and how much of it.</summary>
    public CacheOptions Cache { get; init; } = new();

    /// <summary>How long the grid keeps builds, and content that nodes share.</summary>
    public RetentionOptions Retention { get; init; } = new();

    /// <summary>File of the launcher that goes into app images when the builder brings none.</summary>
    public string Launcher { get; init; } = Environment.GetEnvironmentVariable("GRID_LAUNCHER") ?? Path.Combine(AppContext.BaseDirectory, "launcher");

    private static string DefaultDataDirectory() =>
        Environment.GetEnvironmentVariable("GRID_DATA_DIR") is { Length: > 0 } own ? own
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify) is { Length: > 0 } data
                ? data : "/var/lib", "grid");
}
