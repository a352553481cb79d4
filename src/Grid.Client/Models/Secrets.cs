using Grid.Contracts.Secrets;

namespace Grid.Client.Models;

/// <summary>What is told of a secret, a binding or a login: never its value.</summary>
public sealed record SecretResource
{
    public required string Name { get; init; }

    public required SecretKind Kind { get; init; }

    public required DateTimeOffset ChangedAt { get; init; }

    /// <summary>Who set it, as the audit log names callers.</summary>
    public required string ChangedBy { get; init; }

    /// <summary>Id of the key it is sealed with.</summary>
    public required string KeyId { get; init; }
}

/// <summary>Sets a secret: <c>PUT /v1/tenants/{tenant}/secrets/{secret}</c>. Exactly one of value and base64.</summary>
public sealed record SecretRequest
{
    /// <summary>The value as text.</summary>
    public string? Value { get; init; }

    /// <summary>The value as bytes.</summary>
    public byte[]? Base64 { get; init; }

    /// <summary>What gets it: steps that mount it (Mount), or buildpacks and extensions as a variable (Variable).</summary>
    public SecretKind Kind { get; init; } = SecretKind.Mount;
}

/// <summary>Sets a service binding: <c>PUT /v1/tenants/{tenant}/bindings/{binding}</c>.</summary>
public sealed record BindingRequest
{
    /// <summary>Kind of service, such as <c>maven</c> or <c>ca-certificates</c>.</summary>
    public required string Type { get; init; }

    public string? Provider { get; init; }

    /// <summary>The other files of the binding.</summary>
    public IReadOnlyDictionary<string, byte[]> Entries { get; init; } = new Dictionary<string, byte[]>();
}

/// <summary>Sets a login: <c>PUT /v1/tenants/{tenant}/registries</c>. A user name with a password, or an identity token.</summary>
public sealed record RegistryRequest
{
    /// <summary>A registry, or a part of it: <c>registry.example/team</c>.</summary>
    public required string Registry { get; init; }

    public string? Username { get; init; }

    public string? Password { get; init; }

    /// <summary>Refresh token, as some registries give it.</summary>
    public string? IdentityToken { get; init; }
}

/// <summary>How many secrets were sealed again with the current key.</summary>
public sealed record ResealResource(int Resealed);
