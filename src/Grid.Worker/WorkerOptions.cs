using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Oci.Network;
using Grid.Sandbox;

namespace Grid.Worker;

/// <summary>Settings of a node's worker.</summary>
public sealed record WorkerOptions
{
    /// <summary>Where builds have their source, layers and platform directories while they run.</summary>
    public string BuildsDirectory { get; init; } = "";

    /// <summary>The launcher for app images whose builder brings none.</summary>
    public string Launcher { get; init; } = "";

    /// <summary>Where directories of RUN --mount=type=cache are kept; beside the builds unless said otherwise.</summary>
    public string CacheVolumesDirectory
    {
        get => field ?? Path.Combine(Path.GetDirectoryName(Path.GetFullPath(BuildsDirectory))!, "cache-volumes");
        init;
    }

    /// <summary>Hosts that ADD may fetch from.</summary>
    public HostPolicy Hosts { get; init; } = new();

    /// <summary>Bounds for each sandbox.</summary>
    public SandboxLimits SandboxLimits { get; init; } = new();

    /// <summary>How long one Dockerfile step may take; zero for no bound.</summary>
    public TimeSpan StepTimeout { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Whether builds belong to tenants whose settings bound them. Not so in an embedded grid.</summary>
    public bool HasTenants { get; init; }

    /// <summary>Whether processes in sandboxes, and ADD, may have the network.</summary>
    public bool AllowsNetwork { get; init; } = true;

    /// <summary>The same within a tenant's bounds: the smaller of two bounds counts.</summary>
    internal WorkerOptions Within(TenantSettings tenant)
    {
        var limits = SandboxLimits with
        {
            MemoryBytes = Least(SandboxLimits.MemoryBytes, tenant.MaxMemoryBytes),
            CpuMillis = (int)Least(SandboxLimits.CpuMillis, tenant.MaxCpuMillis),
            DiskBytes = Least(SandboxLimits.DiskBytes, tenant.MaxDiskBytes),
        };
        var network = AllowsNetwork && tenant.Egress != Egress.None;
        return limits == SandboxLimits && network == AllowsNetwork ? this : this with { SandboxLimits = limits, AllowsNetwork = network };
    }

    private static long Least(long one, long other) => one <= 0 ? other : other <= 0 ? one : Math.Min(one, other);

    /// <summary>Name of the node, stable over restarts.</summary>
    public string Node { get; init; } = Environment.MachineName;

    /// <summary>Pool whose queue gives it builds.</summary>
    public string Pool { get; init; } = BuildRequest.DefaultPool;

    /// <summary>Builds it takes at a time.</summary>
    public int Slots { get; init; } = Math.Max(1, Environment.ProcessorCount / 2);

    /// <summary>What is special about it, for people.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>
    /// Exports bring an image to its registry before they ask whether they may name it, and name it within a permit that runs out: another node may have
    /// taken the build over. Costs a request and a write of the build's state; useless on a node that is alone.
    /// </summary>
    public bool StagesExports { get; init; }

    /// <summary>How often it speaks to the queue.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long what runs may take to end when the node is asked to stop; the rest goes on elsewhere, from its last finished step.</summary>
    public TimeSpan ShutdownGrace { get; init; } = TimeSpan.Zero;

    /// <summary>How long what outlived the node's last silo waits for its build to ask for it.</summary>
    public TimeSpan AdoptTime { get; init; } = TimeSpan.FromMinutes(1);
}
