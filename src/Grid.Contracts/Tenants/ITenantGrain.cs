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
public sealed record Tenant([property: Id(0)] string Name, [property: Id(1)] TenantSettings Settings, [property: Id(2)] DateTimeOffset CreatedAt);

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

    /// <summary>Registries it may push to: host names with port.</summary>
    [Id(5)] public string[] AllowedRegistries { get; init; } = [];

    /// <summary>Environment every build of the tenant gets unless the build sets the name itself.</summary>
    [Id(6)] public Dictionary<string, string> Environment { get; init; } = [];
}
