using Grid.Contracts.Tenants;

namespace Grid.Client.Models;

/// <summary>A tenant.</summary>
public sealed record TenantResource
{
    public required string Name { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required TenantSettingsResource Settings { get; init; }
}

/// <summary>What a tenant may use and do. Empty lists allow everything; others allow what they name.</summary>
public sealed record TenantSettingsResource
{
    /// <summary>Builds that run at once; 0 for no bound.</summary>
    public int MaxRunningBuilds { get; init; }

    /// <summary>Builds that wait; 0 for no bound.</summary>
    public int MaxQueuedBuilds { get; init; }

    /// <summary>Share compared with other tenants; at least 1.</summary>
    public int Weight { get; init; } = 1;

    /// <summary>Builder images.</summary>
    public IReadOnlyList<string> AllowedBuilders { get; init; } = [];

    /// <summary>Run images.</summary>
    public IReadOnlyList<string> AllowedRunImages { get; init; } = [];

    /// <summary>Registries to push to, or parts of them: <c>registry.example/team</c>.</summary>
    public IReadOnlyList<string> AllowedRegistries { get; init; } = [];

    /// <summary>Environment of every build.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>More environment for single apps, by the app's name.</summary>
    public IReadOnlyDictionary<string, Dictionary<string, string>> AppEnvironment { get; init; } = new Dictionary<string, Dictionary<string, string>>();

    /// <summary>Extensions: <c>id</c>, <c>id@version</c>, or <c>id@sha256:…</c> with the diff ID of the extension's layer in the builder.</summary>
    public IReadOnlyList<string> AllowedExtensions { get; init; } = [];

    /// <summary>What builds reach: Open is what the nodes let through, None is nothing but what <see cref="EgressAllow"/> lists.</summary>
    public Egress Egress { get; init; }

    /// <summary>Destinations that builds reach although egress is None: hosts, <c>*.example.com</c>, IPv4 addresses and blocks, each also with <c>:port</c>. Held where an OCI runtime runs sandboxes.</summary>
    public IReadOnlyList<string> EgressAllow { get; init; } = [];

    /// <summary>Bytes of memory for one sandbox; 0 for the node's bound.</summary>
    public long MaxMemoryBytes { get; init; }

    /// <summary>Thousandths of a processor for one sandbox; 0 for no bound.</summary>
    public int MaxCpuMillis { get; init; }

    /// <summary>Bytes of all files that one sandbox writes; 0 for no bound. Held where an OCI runtime runs sandboxes.</summary>
    public long MaxDiskBytes { get; init; }

    /// <summary>Bytes of cached step layers that each node keeps; 0 for the node's bound.</summary>
    public long MaxCacheBytes { get; init; }

    /// <summary>Minutes builds may run in a month (UTC); 0 for no bound.</summary>
    public int MaxBuildMinutes { get; init; }
}

/// <summary>What a tenant's builds used in a month.</summary>
/// <param name="Month">UTC, <c>yyyy-MM</c>.</param>
/// <param name="BuildMinutes">From the moment a build got a node to its end, of all builds that have ended.</param>
/// <param name="MaxBuildMinutes">How many it may use; 0 for no bound.</param>
/// <param name="Builds">How many builds ended.</param>
public sealed record UsageResource(string Month, double BuildMinutes, int MaxBuildMinutes, int Builds);

/// <summary>Asks for an API key.</summary>
public sealed record ApiKeyRequest
{
    /// <summary>What it is for.</summary>
    public required string Name { get; init; }

    public Role Role { get; init; } = Role.Builder;

    public DateTimeOffset? ExpiresAt { get; init; }
}

/// <summary>An API key without its secret.</summary>
public sealed record ApiKeyResource
{
    public required string Id { get; init; }

    public required string Name { get; init; }

    public required Role Role { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? ExpiresAt { get; init; }
}

/// <summary>A new API key: the only time its secret is shown.</summary>
/// <param name="Key">The key.</param>
/// <param name="Token">What to send: <c>Authorization: Bearer TOKEN</c>.</param>
public sealed record CreatedApiKey(ApiKeyResource Key, string Token);
