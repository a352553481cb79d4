using Grid.Contracts.Builds;
using Orleans.Concurrency;

namespace Grid.Contracts.Tenants;

/// <summary>One tenant, keyed by its name: what it may use and do, its keys, and its builds in the order they came.</summary>
[Alias("grid.ITenantGrain")]
public interface ITenantGrain : IGrainWithStringKey
{
    /// <summary>The tenant; null when there is none of this name.</summary>
    [Alias("Get"), ReadOnly]
    Task<Tenant?> GetAsync();

    /// <summary>Creates or changes the tenant.</summary>
    [Alias("Set")]
    Task<Tenant> SetAsync(TenantSettings settings);

    /// <summary>Changes the tenant only as it is known: null when its version is another by now. Version 0 stands for a tenant that does not exist yet.</summary>
    [Alias("SetIf")]
    Task<Tenant?> SetIfAsync(TenantSettings settings, long version);

    /// <summary>Whether a build is let in, and within what bounds. Changes nothing.</summary>
    [Alias("Admit"), ReadOnly]
    Task<TenantAdmission> AdmitAsync(BuildRequest request);

    /// <summary>Notes a key of the tenant.</summary>
    [Alias("AddKey")]
    Task AddKeyAsync(string keyId);

    /// <summary>Forgets a key. False when it is none of the tenant's.</summary>
    [Alias("RemoveKey")]
    Task<bool> RemoveKeyAsync(string keyId);

    /// <summary>Public parts of the tenant's keys.</summary>
    [Alias("Keys"), ReadOnly]
    Task<string[]> KeysAsync();
}

/// <summary>All tenants by name; one grain, keyed <see cref="Key"/>, asked by operators and never on a build's path.</summary>
[Alias("grid.ITenantDirectoryGrain")]
public interface ITenantDirectoryGrain : IGrainWithStringKey
{
    /// <summary>The grain's only key.</summary>
    const string Key = "tenants";

    [Alias("Add")]
    Task AddAsync(string tenant);

    /// <summary>Names in ordinal order.</summary>
    [Alias("List"), ReadOnly]
    Task<string[]> ListAsync();
}

/// <summary>A tenant.</summary>
[GenerateSerializer, Immutable, Alias("grid.Tenant")]
public sealed record Tenant([property: Id(0)] string Name, [property: Id(1)] TenantSettings Settings, [property: Id(2)] DateTimeOffset CreatedAt)
{
    /// <summary>Grows with each change of the settings.</summary>
    [Id(60)] public long Version { get; init; } = 1;
}

/// <summary>What a tenant may use and do. Lists that are empty allow everything; others allow what they name.</summary>
[GenerateSerializer, Immutable, Alias("grid.TenantSettings")]
public sealed record TenantSettings
{
    /// <summary>Builds that run at once; 0 for no bound.</summary>
    [Id(0)] public int MaxRunningBuilds { get; init; }

    /// <summary>Builds that wait; further ones are refused. 0 for no bound.</summary>
    [Id(1)] public int MaxQueuedBuilds { get; init; }

    /// <summary>Share of the grid compared with other tenants when both wait; at least 1.</summary>
    [Id(2)] public int Weight { get; init; } = 1;

    /// <summary>Builders it may use: image names with or without tag, or with a digest.</summary>
    [Id(3)] public string[] AllowedBuilders { get; init; } = [];

    /// <summary>Run images it may name itself or switch to by an extension.</summary>
    [Id(4)] public string[] AllowedRunImages { get; init; } = [];

    /// <summary>Registries it may push to: host names with port, with the first parts of repositories' names behind a slash when it is a part of a registry.</summary>
    [Id(5)] public string[] AllowedRegistries { get; init; } = [];

    /// <summary>Environment every build of the tenant gets unless the build sets the name itself.</summary>
    [Id(6)] public Dictionary<string, string> Environment { get; init; } = [];

    /// <summary>More environment for single apps, by the app's name; before <see cref="Environment"/> and behind the build's own.</summary>
    [Id(60)] public Dictionary<string, Dictionary<string, string>> AppEnvironment { get; init; } = [];

    /// <summary>Extensions it may use: <c>id</c>, <c>id@version</c>, or <c>id@sha256:…</c> with the diff ID of the extension's layer in the builder.</summary>
    [Id(61)] public string[] AllowedExtensions { get; init; } = [];

    /// <summary>What its builds reach.</summary>
    [Id(62)] public Egress Egress { get; init; }

    /// <summary>Bytes of memory for one sandbox of a build; 0 for the node's bound.</summary>
    [Id(63)] public long MaxMemoryBytes { get; init; }

    /// <summary>Thousandths of a processor for one sandbox of a build; 0 for no bound.</summary>
    [Id(64)] public int MaxCpuMillis { get; init; }

    /// <summary>Bytes of cached step layers that each node keeps for it; 0 for the node's bound.</summary>
    [Id(65)] public long MaxCacheBytes { get; init; }

    /// <summary>Minutes its builds may run in a month (UTC); 0 for no bound. Counted when a build ends; what runs is not stopped.</summary>
    [Id(66)] public int MaxBuildMinutes { get; init; }

    /// <summary>Bytes of all files that one sandbox of a build writes; 0 for no bound.</summary>
    [Id(67)] public long MaxDiskBytes { get; init; }

    /// <summary>
    /// Destinations that its builds reach although <see cref="Egress"/> is <see cref="Egress.None"/>: hosts, <c>*.example.com</c>, IPv4 addresses and blocks, each also with <c>:port</c>.
    /// A node that does not know this list yet gives them no network.
    /// </summary>
    [Id(68)] public string[] EgressAllow { get; init; } = [];
}
