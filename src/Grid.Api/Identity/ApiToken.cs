using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Grid.Contracts.Tenants;

namespace Grid.Api.Identity;

/// <summary>
/// A token as its holder sends it: <c>grid_ID_SECRET</c>. The id finds the key, the secret proves it; only the secret's hash is kept.
/// </summary>
/// <param name="Id">Public part: 16 hexadecimal digits.</param>
/// <param name="Secret">43 characters of base64url: 256 random bits.</param>
public sealed record ApiToken(string Id, string Secret)
{
    internal const string Prefix = "grid_";
    private const int IdLength = 16;
    private const int SecretLength = 43;

    /// <summary>A new token.</summary>
    public static ApiToken Create() => new(Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(IdLength / 2)), Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(32)));

    /// <summary>Reads a token; false for anything else.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ApiToken? token)
    {
        token = null;
        if (text is null || text.Length != Prefix.Length + IdLength + 1 + SecretLength || !text.StartsWith(Prefix, StringComparison.Ordinal) || text[Prefix.Length + IdLength] != '_')
            return false;
        var id = text.Substring(Prefix.Length, IdLength);
        if (!id.All(char.IsAsciiHexDigitLower))
            return false;
        token = new ApiToken(id, text[^SecretLength..]);
        return true;
    }

    /// <summary>Hash of the secret, as <see cref="ApiKey.SecretHash"/> keeps it.</summary>
    public string Hash() => Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(Secret)));

    /// <summary>Whether this token belongs to the key, in time that does not depend on the answer.</summary>
    public bool Proves(ApiKey key) => CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(Hash()), Encoding.ASCII.GetBytes(key.SecretHash));

    /// <summary>What is sent.</summary>
    public override string ToString() => $"{Prefix}{Id}_{Secret}";
}
