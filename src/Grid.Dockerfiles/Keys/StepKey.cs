using System.Buffers.Binary;
using System.Security.Cryptography;
using Grid.Oci;

namespace Grid.Dockerfiles.Keys;

/// <summary>One thing a key is made of.</summary>
/// <param name="Name">As a person would say it: <c>ARG build_id</c>, <c>file package.json</c>, <c>parent layers</c>.</param>
/// <param name="Value">The value, or its digest when it is long or may be confidential (ARG and ENV values).</param>
public sealed record KeyField(string Name, string Value);

/// <summary>
/// The identity of a step's result: steps with equal keys would write equal layers, as far as their inputs decide. A SHA-256 over the
/// fields, each length-prefixed, so that no two lists of fields hash the same bytes.
/// </summary>
/// <param name="Digest">The key.</param>
/// <param name="Fields">What it was made of, in order; kept beside a cached layer to explain a later miss.</param>
public sealed record StepKey(Digest Digest, IReadOnlyList<KeyField> Fields)
{
    /// <summary>Makes the key. Throws <see cref="ArgumentException"/> for a step that makes no layer, or a URL whose content was not given.</summary>
    public static StepKey Compute(StepKeyInput input) => Of(StepKeyFields.Of(input));

    /// <summary>
    /// Why the newer key differs from the older: the first field that does, as <c>ARG build_id changed</c>, <c>file a.txt added</c> or
    /// <c>parent layers changed</c>; null when they are equal.
    /// </summary>
    public static string? Difference(StepKey older, StepKey newer)
    {
        if (older.Digest == newer.Digest)
            return null;
        var before = older.Fields.ToLookup(field => field.Name, field => field.Value, StringComparer.Ordinal);
        var after = newer.Fields.ToLookup(field => field.Name, field => field.Value, StringComparer.Ordinal);
        foreach (var field in older.Fields.Concat(newer.Fields))
        {
            if (before[field.Name].SequenceEqual(after[field.Name]))
                continue;
            var verb = !after.Contains(field.Name) ? "removed" : !before.Contains(field.Name) ? "added" : "changed";
            return $"{field.Name} {verb}";
        }
        return "the order of " + (older.Fields.Zip(newer.Fields).FirstOrDefault(pair => pair.First != pair.Second).First?.Name ?? "fields") + " changed";
    }

    /// <summary>The digest by which a value that may be confidential stands in a key.</summary>
    public static Digest DigestOf(string value) => HashOf([value]);

    internal static StepKey Of(IReadOnlyList<KeyField> fields)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var field in fields)
        {
            Append(hash, field.Name);
            Append(hash, field.Value);
        }
        return new StepKey(Digest.FromSha256(hash.GetHashAndReset()), fields);
    }

    /// <summary>The digest of a list of strings, each length-prefixed.</summary>
    internal static Digest HashOf(IEnumerable<string> parts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var part in parts)
            Append(hash, part);
        return Digest.FromSha256(hash.GetHashAndReset());
    }

    // UTF-16 units, not UTF-8: file names may hold lone surrogates, which UTF-8 would make equal.
    private static void Append(IncrementalHash hash, string text)
    {
        Span<byte> buffer = stackalloc byte[1024];
        BinaryPrimitives.WriteInt64LittleEndian(buffer, text.Length);
        hash.AppendData(buffer[..8]);
        var rest = text.AsSpan();
        while (!rest.IsEmpty)
        {
            var count = Math.Min(rest.Length, buffer.Length / 2);
            for (var i = 0; i < count; i++)
                BinaryPrimitives.WriteUInt16LittleEndian(buffer[(i * 2)..], rest[i]);
            hash.AppendData(buffer[..(count * 2)]);
            rest = rest[count..];
        }
    }
}
