using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace Grid.Contracts.Secrets;

/// <summary>A secret cannot be sealed or opened on this node. The message names key and secret, and never a value.</summary>
public sealed class SecretKeyException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>
/// Keys that secrets are sealed with (AES-256-GCM). The first seals; the others open what was sealed before the keys were changed. Nodes with the roles api and
/// worker have the same keys.
/// </summary>
public sealed class SecretKeyRing
{
    private const int KeyBytes = 32;
    private const int NonceBytes = 12;
    private const int TagBytes = 16;
    private readonly IReadOnlyList<(string Id, byte[] Key)> _keys;

    private SecretKeyRing(IReadOnlyList<(string, byte[])> keys) => _keys = keys;

    /// <summary>No keys: nothing can be sealed or opened.</summary>
    public static SecretKeyRing None { get; } = new([]);

    /// <summary>Id of the key that seals; null when there is none.</summary>
    public string? CurrentId => _keys.Count == 0 ? null : _keys[0].Id;

    /// <summary>Reads <c>ID:KEY</c> entries with blanks, commas or line ends between them; a key is 32 bytes in base64.</summary>
    /// <exception cref="FormatException">An entry cannot be used; its number is named and nothing of its text.</exception>
    public static SecretKeyRing Parse(string text)
    {
        var keys = new List<(string Id, byte[] Key)>();
        foreach (var entry in text.Split([' ', '\t', '\r', '\n', ','], StringSplitOptions.RemoveEmptyEntries))
        {
            var colon = entry.IndexOf(':', StringComparison.Ordinal);
            var key = new byte[KeyBytes + 1];
            if (colon is < 1 or > 64 || !entry.AsSpan(0, colon).ToString().All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.')
                || !Convert.TryFromBase64String(entry[(colon + 1)..], key, out var length) || length != KeyBytes)
                throw new FormatException($"entry {keys.Count + 1} is not ID:KEY with a key of {KeyBytes} bytes in base64; make one with 'openssl rand -base64 {KeyBytes}'");
            if (keys.Exists(k => k.Id == entry[..colon]))
                throw new FormatException($"two keys have the id '{entry[..colon]}'; a new key needs a new id");
            keys.Add((entry[..colon], key[..KeyBytes]));
        }
        return new SecretKeyRing(keys);
    }

    /// <summary>A new entry as <see cref="Parse"/> reads it.</summary>
    public static string NewEntry(string id) => $"{id}:{Convert.ToBase64String(RandomNumberGenerator.GetBytes(KeyBytes))}";

    /// <summary>Seals a value for its owner.</summary>
    /// <param name="owner">The tenant, or <c>tenant/build</c>.</param>
    /// <param name="kind">What it is given to.</param>
    /// <param name="name">Its name.</param>
    /// <param name="value">What nobody else shall see.</param>
    /// <param name="at">Now.</param>
    /// <param name="by">Who sets it.</param>
    /// <exception cref="SecretKeyException">There is no key.</exception>
    public SealedSecret Seal(string owner, SecretKind kind, string name, ReadOnlySpan<byte> value, DateTimeOffset at, string by)
    {
        if (_keys.Count == 0)
            throw new SecretKeyException("this node has no key for secrets; set secrets.key-file or GRID_SECRETS_KEYS on nodes with the roles api and worker");
        var (id, key) = _keys[0];
        var box = new byte[NonceBytes + value.Length + TagBytes];
        RandomNumberGenerator.Fill(box.AsSpan(0, NonceBytes));
        using var cipher = new AesGcm(key, TagBytes);
        cipher.Encrypt(box.AsSpan(0, NonceBytes), value, box.AsSpan(NonceBytes, value.Length), box.AsSpan(NonceBytes + value.Length), Belongs(owner, kind, name, id));
        return new SealedSecret { Kind = kind, Name = name, KeyId = id, Box = box, ChangedAt = at, ChangedBy = by };
    }

    /// <summary>The value of a secret of this owner.</summary>
    /// <exception cref="SecretKeyException">The key is not here, or the secret is not this owner's, or was changed.</exception>
    public byte[] Open(string owner, SealedSecret secret)
    {
        var what = $"the {secret.Kind.ToString().ToLowerInvariant()} secret '{secret.Name}' of {owner}";
        var key = _keys.FirstOrDefault(k => k.Id == secret.KeyId).Key
            ?? throw new SecretKeyException($"{what} was sealed with the key '{secret.KeyId}', which this node does not have; add it to its secret keys, or set the secret again");
        if (secret.Box.Length < NonceBytes + TagBytes)
            throw new SecretKeyException($"{what} is damaged; set it again");
        var box = secret.Box.AsSpan();
        var value = new byte[box.Length - NonceBytes - TagBytes];
        try
        {
            using var cipher = new AesGcm(key, TagBytes);
            cipher.Decrypt(box[..NonceBytes], box[NonceBytes..^TagBytes], box[^TagBytes..], value, Belongs(owner, secret.Kind, secret.Name, secret.KeyId));
            return value;
        }
        catch (AuthenticationTagMismatchException e)
        {
            throw new SecretKeyException($"{what} does not open with the key '{secret.KeyId}': it was changed, or the key's id now stands for another key; set it again", e);
        }
    }

    /// <summary>Associated data: a box opens only as what it was sealed as. Length-prefixed, so that no two belongings have the same bytes.</summary>
    private static byte[] Belongs(string owner, SecretKind kind, string name, string keyId)
    {
        using var bytes = new MemoryStream();
        Span<byte> number = stackalloc byte[4];
        foreach (var part in new[] { "grid secret 1", owner, kind.ToString(), name, keyId })
        {
            var text = Encoding.UTF8.GetBytes(part);
            BinaryPrimitives.WriteInt32BigEndian(number, text.Length);
            bytes.Write(number);
            bytes.Write(text);
        }
        return bytes.ToArray();
    }
}
