using System.Net;
using Grid.Api;
using Grid.Contracts.Secrets;
using Grid.Grains.Audit;
using Grid.Hosting.Telemetry;

namespace Grid.Hosting.Configuration;

/// <summary>Where silos find each other.</summary>
public enum Membership
{
    /// <summary>One silo, which needs nobody.</summary>
    Localhost = 0,
    Redis = 1,
    PostgreSql = 2,
}

/// <summary>Where reminders are kept.</summary>
public enum ReminderStorage
{
    /// <summary>Forgotten when the silo stops.</summary>
    Memory = 0,
    Redis = 1,
    PostgreSql = 2,
}

/// <summary>Where grain state is kept.</summary>
public enum StateStorage
{
    /// <summary>Files in the data directory: for one silo.</summary>
    File = 0,
    Azure = 1,
    Redis = 2,
    PostgreSql = 3,
}

/// <summary>The tier of content behind the nodes' own stores.</summary>
public enum SharedContent
{
    None = 0,
    Directory = 1,
    Azure = 2,
}

/// <summary>Where build journals are kept.</summary>
public enum EventStorage
{
    File = 0,
    Azure = 1,
}

/// <summary>What a node does.</summary>
[Flags]
public enum NodeRoles
{
    None = 0,
    /// <summary>Holds grains that decide.</summary>
    Control = 1,
    /// <summary>Runs sandboxes.</summary>
    Worker = 2,
    /// <summary>Answers HTTP requests besides health.</summary>
    Api = 4,
    All = Control | Worker | Api,
}

/// <summary>Checked settings of <c>grid serve</c>; <see cref="NodeSettings"/> says what each means. Made by <see cref="NodeConfiguration"/> only.</summary>
public sealed record NodeOptions
{
    public required string Name { get; init; }

    public NodeRoles Roles { get; init; } = NodeRoles.All;

    public string Pool { get; init; } = Contracts.Builds.BuildRequest.DefaultPool;

    /// <summary>Builds it works for at a time; 0 for the worker's own choice.</summary>
    public int Slots { get; init; }

    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();

    /// <summary>What an embedded grid has too: directories, sandboxes, registries.</summary>
    public GridOptions Node { get; init; } = new();

    public IPAddress ListenAddress { get; init; } = IPAddress.Loopback;

    public IPAddress AdvertisedAddress { get; init; } = IPAddress.Loopback;

    public int SiloPort { get; init; } = 11111;

    public int GatewayPort { get; init; } = 30000;

    /// <summary>Orleans' own dashboard is there for operators.</summary>
    public bool HasOrleansDashboard { get; init; }

    public IPEndPoint Http { get; init; } = new(IPAddress.Loopback, 7400);

    public Membership Membership { get; init; }

    public ReminderStorage Reminders { get; init; }

    public string ServiceId { get; init; } = "grid";

    public string ClusterId { get; init; } = "grid";

    public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromSeconds(2);

    public int MissedProbes { get; init; } = 3;

    public string RedisConnection { get; init; } = "";

    public string PostgreSqlConnection { get; init; } = "";

    public string AzureConnection { get; init; } = "";

    public StateStorage State { get; init; }

    public string StateContainer { get; init; } = "grid-state";

    public SharedContent Content { get; init; }

    /// <summary>Absolute path; null unless <see cref="Content"/> is a directory.</summary>
    public string? ContentDirectory { get; init; }

    public string ContentContainer { get; init; } = "grid-content";

    public EventStorage Events { get; init; }

    public string EventsContainer { get; init; } = "grid-events";

    /// <summary>Traces, metrics and logs.</summary>
    public TelemetryOptions Telemetry { get; init; } = new();

    /// <summary>The HTTP API.</summary>
    public required ApiOptions Api { get; init; }

    /// <summary>How long audit logs are kept.</summary>
    public AuditOptions Audit { get; init; } = new();

    /// <summary>File with the keys of tenants' secrets; made when missing on a node that is a grid of its own.</summary>
    public required string SecretKeyFile { get; init; }

    /// <summary>The keys themselves, in place of the file; null to read the file.</summary>
    public SecretKeyRing? SecretKeys { get; init; }

    /// <summary>File with an operator's API key.</summary>
    public required string OperatorKeyFile { get; init; }
}
