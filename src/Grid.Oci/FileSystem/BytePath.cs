using System.Text;

namespace Grid.Oci.FileSystem;

/// <summary>
/// Linux file names are bytes. As strings they are UTF-8, and a byte that is not valid there becomes the lone surrogate U+DC00+byte, which
/// no valid UTF-8 decodes to (Python's "surrogateescape"); <see cref="Encode"/> undoes it exactly.
/// </summary>
public static class BytePath
{
    /// <summary>The string form of a name.</summary>
    public static string Decode(ReadOnlySpan<byte> bytes)
    {
        if (System.Text.Unicode.Utf8.IsValid(bytes))
            return Encoding.UTF8.GetString(bytes);
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(bytes, out var rune, out var used) == System.Buffers.OperationStatus.Done)
            {
                text.Append(rune.ToString());
                bytes = bytes[used..];
            }
            else
            {
                text.Append((char)(0xDC00 + bytes[0]));
                bytes = bytes[1..];
            }
        }
        return text.ToString();
    }

    /// <summary>The bytes of a name, without a terminating zero.</summary>
    public static byte[] Encode(string text)
    {
        var bytes = new List<byte>(text.Length + 8);
        Span<byte> buffer = stackalloc byte[4];
        for (var i = 0; i < text.Length; i++)
        {
            var c = text[i];
            if (c < 0x80)
            {
                bytes.Add((byte)c);
            }
            else if (c is >= '\uDC80' and <= '\uDCFF')
            {
                bytes.Add((byte)(c - 0xDC00));
            }
            else
            {
                var rune = char.IsHighSurrogate(c) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]) ? new Rune(c, text[++i])
                    : Rune.TryCreate(c, out var single) ? single : Rune.ReplacementChar;
                bytes.AddRange(buffer[..rune.EncodeToUtf8(buffer)]);
            }
        }
        return [.. bytes];
    }
}
