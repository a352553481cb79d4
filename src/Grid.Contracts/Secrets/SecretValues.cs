using System.Text.Json;

namespace Grid.Contracts.Secrets;

/// <summary>A login at a registry, as it is sealed. One of password and identity token.</summary>
/// <param name="Username">User name; null with an identity token.</param>
/// <param name="Password">Password, or an access token used as one.</param>
/// <param name="IdentityToken">Refresh token that is exchanged for access tokens.</param>
public sealed record RegistryLogin(string? Username, string? Password, string? IdentityToken)
{
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this);

    public static RegistryLogin FromBytes(ReadOnlySpan<byte> bytes) => JsonSerializer.Deserialize<RegistryLogin>(bytes)!;
}

/// <summary>A service binding (servicebinding.io), as it is sealed: what becomes the files of its directory, <c>type</c> and <c>provider</c> among them.</summary>
public sealed record BindingValue(IReadOnlyDictionary<string, byte[]> Entries)
{
    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this);

    public static BindingValue FromBytes(ReadOnlySpan<byte> bytes) => JsonSerializer.Deserialize<BindingValue>(bytes)!;
}
