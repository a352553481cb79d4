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

    /// <summary>What processes in sandboxes, and ADD, may reach when they have a network; null for what the sandboxes let through.</summary>
    public EgressList? Destinations { get; init; }

    /// <summary>The same within a tenant's bounds: the smaller of two bounds counts.</summary>
    internal WorkerOptions Within(TenantSettings tenant)
    {
        var limits = SandboxLimits with
        {
            MemoryBytes = Least(SandboxLimits.MemoryBytes, tenant.MaxMemoryBytes),
            CpuMillis = (int)Least(SandboxLimits.CpuMillis, tenant.MaxCpuMillis),
            DiskBytes = Least(SandboxLimits.DiskBytes, tenant.MaxDiskBytes),
        };
        var network = AllowsNetwork && (tenant.Egress != Egress.None || tenant.EgressAllow.Length > 0);
        var list = tenant.Egress == Egress.None && tenant.EgressAllow.Length > 0 ? Read(tenant.EgressAllow).Within(Destinations) : Destinations;
        return limits == SandboxLimits && network == AllowsNetwork && ReferenceEquals(list, Destinations) ? this : this with { SandboxLimits = limits, AllowsNetwork = network, Destinations = list };
    }

    /// <summary>A runtime whose sandboxes have the network that is allowed, and no other.</summary>
    internal ISandboxRuntime Bound(ISandboxRuntime sandboxes) =>
        !AllowsNetwork ? new NetworklessRuntime(sandboxes) : Destinations is { } list ? new ListedRuntime(sandboxes, list) : sandboxes;

    private static EgressList Read(string[] destinations)
    {
        try
        {
            return EgressList.Parse(destinations);
        }
        catch (FormatException e)
        {
            // A newer part of the grid may have stored what this node does not know.
            throw new SandboxException($"the tenant's list of destinations (egressAllow) cannot be held by this node: {e.Message}; update the node, or change the list", e);
        }
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
