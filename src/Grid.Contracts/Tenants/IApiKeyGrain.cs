using Orleans.Concurrency;

namespace Grid.Contracts.Tenants;

/// <summary>One API key, keyed by the public part of the key. The secret part is known to its holder alone; its hash is kept here.</summary>
[Alias("grid.IApiKeyGrain")]
public interface IApiKeyGrain : IGrainWithStringKey
{
    /// <summary>The key; null when there is none or it was revoked.</summary>
    [Alias("Get"), ReadOnly]
    Task<ApiKey?> GetAsync();

    /// <summary>Creates the key. False when it exists already.</summary>
    [Alias("Create")]
    Task<bool> CreateAsync(ApiKey key);

    /// <summary>Ends the key's life; repeating it changes nothing.</summary>
    [Alias("Revoke")]
    Task RevokeAsync();
}

/// <summary>What is known of an API key.</summary>
[GenerateSerializer, Immutable, Alias("grid.ApiKey")]
public sealed record ApiKey
{
    /// <summary>Public part.</summary>
    [Id(0)] public required string Id { get; init; }

    /// <summary>Its tenant; null for an operator's key, which is for all.</summary>
    [Id(1)] public string? Tenant { get; init; }

    [Id(2)] public required Role Role { get; init; }

    /// <summary>What it is for, in its creator's words.</summary>
    [Id(3)] public required string Name { get; init; }

    /// <summary>SHA-256 of the secret part, in hexadecimal digits. The secret has 256 random bits, so it needs neither salt nor stretching.</summary>
    [Id(4)] public required string SecretHash { get; init; }

    [Id(5)] public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Until when it is accepted; null for ever.</summary>
    [Id(6)] public DateTimeOffset? ExpiresAt { get; init; }
}
