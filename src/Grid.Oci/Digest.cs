using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Grid.Oci;

/// <summary>
/// The address of content: <c>sha256:</c> and 64 lower-case hexadecimal digits (OCI image-spec, descriptor.md §Digests).
/// A default value is empty and never a valid address.
/// </summary>
[JsonConverter(typeof(DigestJsonConverter))]
public readonly record struct Digest : IComparable<Digest>
{
    private const string Prefix = "sha256:";
    private readonly string? _value;

    private Digest(string value) => _value = value;

    /// <summary>Whether this is the default value, which addresses nothing.</summary>
    public bool IsEmpty => _value is null;

    /// <summary>The 64 hexadecimal digits, without the algorithm.</summary>
    public string Hex => _value is null ? "" : _value[Prefix.Length..];

    /// <summary>Reads a digest; anything but <c>sha256:</c> with 64 lower-case hex digits throws <see cref="FormatException"/>.</summary>
    public static Digest Parse(string text) =>
        TryParse(text, out var digest) ? digest : throw new FormatException($"'{text}' is not a digest of the form sha256:<64 lower-case hex digits>");

    /// <summary>Reads a digest without throwing. The strictness keeps hostile digests out of file paths and URLs.</summary>
    public static bool TryParse(string? text, out Digest digest)
    {
        digest = default;
        if (text is null || text.Length != Prefix.Length + 64 || !text.StartsWith(Prefix, StringComparison.Ordinal))
            return false;
        foreach (var c in text.AsSpan(Prefix.Length))
        {
            if (c is not ((>= '0' and <= '9') or (>= 'a' and <= 'f')))
                return false;
        }
        digest = new Digest(text);
        return true;
    }

    /// <summary>Wraps a finished SHA-256 (32 bytes).</summary>
    public static Digest FromSha256(ReadOnlySpan<byte> hash) =>
        hash.Length == 32 ? new Digest(Prefix + Convert.ToHexStringLower(hash)) : throw new ArgumentException("a SHA-256 has 32 bytes", nameof(hash));

    /// <summary>The digest of these bytes.</summary>
    public static Digest Compute(ReadOnlySpan<byte> content)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(content, hash);
        return FromSha256(hash);
    }

    /// <inheritdoc/>
    public int CompareTo(Digest other) => string.CompareOrdinal(_value, other._value);

    /// <summary>The text form, or an empty string for the default value.</summary>
    public override string ToString() => _value ?? "";
}

/// <summary>Digests are JSON strings; the default value is written as an empty string.</summary>
internal sealed class DigestJsonConverter : JsonConverter<Digest>
{
    public override Digest Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Convert(reader.GetString());

    public override void Write(Utf8JsonWriter writer, Digest value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());

    public override Digest ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Convert(reader.GetString());

    public override void WriteAsPropertyName(Utf8JsonWriter writer, Digest value, JsonSerializerOptions options) => writer.WritePropertyName(value.ToString());

    private static Digest Convert(string? text) =>
        string.IsNullOrEmpty(text) ? default : Digest.TryParse(text, out var digest) ? digest : throw new JsonException($"'{text}' is not a sha256 digest");
}
