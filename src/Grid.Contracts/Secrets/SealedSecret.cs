using System.Text.Json.Serialization;

namespace Grid.Contracts.Secrets;

/// <summary>What a secret is given to.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SecretKind>))]
public enum SecretKind
{
    /// <summary>A Dockerfile step that asks for it by <c>RUN --mount=type=secret,id=NAME</c>.</summary>
    Mount = 0,
    /// <summary>Buildpacks and extensions, as a variable of the build's environment.</summary>
    Variable = 1,
    /// <summary>Buildpacks and extensions, as a service binding below <c>&lt;platform&gt;/bindings</c>.</summary>
    Binding = 2,
    /// <summary>The node itself, when it reads from or writes to a registry. Nothing in a sandbox gets it.</summary>
    Registry = 3,
}

/// <summary>
/// A secret as grains, messages and storage have it: encrypted. Only nodes with the key can read it; what it belongs to is bound into it, so that a box that is
/// moved to another owner or name does not open.
/// </summary>
[GenerateSerializer, Immutable, Alias("grid.SealedSecret")]
public sealed record SealedSecret
{
    [Id(0)] public required SecretKind Kind { get; init; }

    /// <summary>Id of a mount, name of a variable or binding, or a registry with or without a repository prefix.</summary>
    [Id(1)] public required string Name { get; init; }

    /// <summary>The key it was sealed with.</summary>
    [Id(2)] public required string KeyId { get; init; }

    /// <summary>Nonce (12 bytes), ciphertext, and authentication tag (16 bytes) of AES-256-GCM.</summary>
    [Id(3)] public required byte[] Box { get; init; }

    [Id(4)] public required DateTimeOffset ChangedAt { get; init; }

    /// <summary>Who set it, as the audit log names callers.</summary>
    [Id(5)] public required string ChangedBy { get; init; }
}
