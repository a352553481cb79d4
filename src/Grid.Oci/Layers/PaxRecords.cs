using System.Globalization;
using System.Text;

namespace Grid.Oci.Layers;

/// <summary>The records of a PAX extended header: <c>LENGTH KEY=VALUE\n</c>, where LENGTH counts itself. Values are bytes.</summary>
internal static class PaxRecords
{
    /// <summary>Writes records in the order given.</summary>
    internal static byte[] Encode(IEnumerable<KeyValuePair<string, byte[]>> records)
    {
        var result = new List<byte>();
        foreach (var (key, value) in records)
        {
            if (key.Contains('=', StringComparison.Ordinal) || key.Contains('\0', StringComparison.Ordinal))
                throw new InvalidDataException($"'{key}' cannot stand in a tar: the name of an extended attribute there has no '=' and no zero byte");
            var name = FileSystem.BytePath.Encode(key);
            var rest = name.Length + value.Length + 3;
            var length = rest + Digits(rest);
            length = rest + Digits(length);
            result.AddRange(Encoding.ASCII.GetBytes(length.ToString(CultureInfo.InvariantCulture)));
            result.Add((byte)' ');
            result.AddRange(name);
            result.Add((byte)'=');
            result.AddRange(value);
            result.Add((byte)'\n');
        }
        return [.. result];
    }

    /// <summary>Reads all records into <paramref name="records"/>; a later one replaces an earlier one of the same key.</summary>
    internal static void Decode(ReadOnlySpan<byte> data, Dictionary<string, byte[]> records)
    {
        while (!data.IsEmpty)
        {
            var space = data.IndexOf((byte)' ');
            if (space is <= 0 or > 9 || !TryLength(data[..space], out var length) || length <= space + 2 || length > data.Length || data[length - 1] != '\n')
                throw new InvalidDataException("an extended header of the tar holds a record whose length is wrong");
            var record = data[(space + 1)..(length - 1)];
            var equals = record.IndexOf((byte)'=');
            if (equals <= 0)
                throw new InvalidDataException("an extended header of the tar holds a record without a key");
            records[FileSystem.BytePath.Decode(record[..equals])] = record[(equals + 1)..].ToArray();
            data = data[length..];
        }
    }

    private static bool TryLength(ReadOnlySpan<byte> text, out int length) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out length);

    private static int Digits(int value) => value.ToString(CultureInfo.InvariantCulture).Length;
}
