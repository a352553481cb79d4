using System.Text;
using Grid.Oci.FileSystem;

namespace Grid.Oci.Layers;

/// <summary>
/// Entries as tar headers: ustar where it can say everything, otherwise a PAX extended header before it. Byte for byte what Go's archive/tar
/// writes, because the reference lifecycle uses that and equal layers should have equal diff IDs.
/// </summary>
internal static class TarHeader
{
    internal const int BlockSize = 512;
    private const int NameSize = 100;
    private const int PrefixSize = 155;
    private const int MaxExtendedHeader = 1024 * 1024;

    /// <summary>All blocks that go before the content of an entry.</summary>
    internal static byte[] Encode(LayerEntry entry)
    {
        var name = BytePath.Encode(entry.Path);
        var link = entry.LinkTarget is null ? [] : BytePath.Encode(entry.LinkTarget);
        Validate(entry, name, link);
        var prefixLength = SplitPrefix(name);
        var records = Records(entry, name, link, out var needed);
        if (!needed && (prefixLength > 0 || name.Length <= NameSize))
        {
            var block = new byte[BlockSize];
            Fill(block, entry, name.AsSpan(prefixLength == 0 ? 0 : prefixLength + 1), link);
            name.AsSpan(0, prefixLength).CopyTo(block.AsSpan(345));
            Seal(block);
            return block;
        }
        return WithExtendedHeader(entry, name, link, records);
    }

    private static byte[] WithExtendedHeader(LayerEntry entry, byte[] name, byte[] link, SortedDictionary<string, byte[]> records)
    {
        var data = PaxRecords.Encode(records);
        if (data.Length > MaxExtendedHeader)
            throw new InvalidDataException($"the extended attributes and names of '{entry.Path}' need {data.Length} bytes; a tar header holds at most 1 MiB");
        var padded = (data.Length + BlockSize - 1) / BlockSize * BlockSize;
        var blocks = new byte[BlockSize + padded + BlockSize];
        FillExtended(blocks.AsSpan(0, BlockSize), name, data.Length);
        data.CopyTo(blocks, BlockSize);
        var main = blocks.AsSpan(BlockSize + padded);
        Fill(main, entry, KeepAscii(name), KeepAscii(link));
        Seal(main);
        return blocks;
    }

    private static void Validate(LayerEntry entry, byte[] name, byte[] link)
    {
        if (name.Length == 0)
            throw new ArgumentException("a tar entry needs a name", nameof(entry));
        if (name.Contains((byte)0) || link.Contains((byte)0))
            throw new ArgumentException($"the names of the tar entry '{entry.Path}' hold a zero byte", nameof(entry));
        if (entry.Size < 0 || (entry.Size > 0 && entry.Type != LayerEntryType.File))
            throw new ArgumentException($"the tar entry '{entry.Path}' of type {entry.Type} cannot have {entry.Size} bytes", nameof(entry));
        if (entry.Owner.UserId < 0 || entry.Owner.GroupId < 0)
            throw new ArgumentException($"the tar entry '{entry.Path}' has the owner {entry.Owner.UserId}:{entry.Owner.GroupId}", nameof(entry));
        if (entry.Type is LayerEntryType.SymbolicLink or LayerEntryType.HardLink == (link.Length == 0))
            throw new ArgumentException($"the tar entry '{entry.Path}' of type {entry.Type} has the link target '{entry.LinkTarget}'", nameof(entry));
    }

    /// <summary>What an extended header would say, and whether one is needed: a name that can be split between two fields would be in one, but needs none.</summary>
    private static SortedDictionary<string, byte[]> Records(LayerEntry entry, byte[] name, byte[] link, out bool needed)
    {
        var records = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        if (name.Length > NameSize || !IsAscii(name))
            records["path"] = name;
        needed = records.Count > 0 && SplitPrefix(name) == 0;
        if (link.Length > NameSize || !IsAscii(link))
            records["linkpath"] = link;
        AddNumber(records, "uid", entry.Owner.UserId, 7);
        AddNumber(records, "gid", entry.Owner.GroupId, 7);
        AddNumber(records, "size", entry.Size, 11);
        AddNumber(records, "mtime", entry.ModifiedTime.ToUnixTimeSeconds(), 11);
        foreach (var (attribute, value) in entry.Xattrs ?? new Dictionary<string, byte[]>())
            records["SCHILY.xattr." + attribute] = value;
        needed |= records.Count > (records.ContainsKey("path") ? 1 : 0);
        return records;
    }

    private static void AddNumber(SortedDictionary<string, byte[]> records, string key, long value, int digits)
    {
        if (value < 0 || value >= 1L << (3 * digits))
            records[key] = Encoding.ASCII.GetBytes(value.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    /// <summary>How many bytes of a long ASCII name go into the prefix field, without the slash after them; 0 when it cannot be split or need not.</summary>
    private static int SplitPrefix(ReadOnlySpan<byte> name)
    {
        var length = name.Length;
        if (length <= NameSize || !IsAscii(name))
            return 0;
        if (length > PrefixSize + 1)
            length = PrefixSize + 1;
        else if (name[length - 1] == '/')
            length--;
        var slash = name[..length].LastIndexOf((byte)'/');
        var suffix = name.Length - slash - 1;
        return slash <= 0 || suffix > NameSize || suffix == 0 || slash > PrefixSize ? 0 : slash;
    }

    private static void Fill(Span<byte> block, LayerEntry entry, ReadOnlySpan<byte> name, ReadOnlySpan<byte> link)
    {
        Text(block[..NameSize], name);
        Octal(block.Slice(100, 8), entry.Mode & 0xFFF);
        Octal(block.Slice(108, 8), entry.Owner.UserId);
        Octal(block.Slice(116, 8), entry.Owner.GroupId);
        Octal(block.Slice(124, 12), entry.Size);
        Octal(block.Slice(136, 12), entry.ModifiedTime.ToUnixTimeSeconds());
        block[156] = TypeFlag(entry.Type);
        Text(block.Slice(157, NameSize), link);
        Octal(block.Slice(329, 8), entry.Device.Major);
        Octal(block.Slice(337, 8), entry.Device.Minor);
    }

    private static void FillExtended(Span<byte> block, byte[] name, int size)
    {
        ReadOnlySpan<byte> own = KeepAscii(ExtendedName(name));
        Text(block[..NameSize], own[..Math.Min(own.Length, NameSize)].TrimEnd((byte)'/'));
        foreach (var (offset, length) in new[] { (100, 8), (108, 8), (116, 8), (136, 12) })
            Octal(block.Slice(offset, length), 0);
        Octal(block.Slice(124, 12), size);
        block[156] = (byte)'x';
        Seal(block);
    }

    /// <summary>The name Go gives an extended header: "PaxHeaders.0" put between directory and file, and the path cleaned. Deterministic, unlike POSIX' process id.</summary>
    private static byte[] ExtendedName(byte[] name)
    {
        var slash = name.AsSpan().LastIndexOf((byte)'/') + 1;
        byte[] path = [.. name.AsSpan(0, slash), .. "/PaxHeaders.0/"u8, .. name.AsSpan(slash)];
        var parts = new List<byte[]>();
        var rooted = path[0] == '/' && slash > 0;
        foreach (var range in path.AsSpan().Split((byte)'/'))
        {
            var part = path.AsSpan()[range];
            if (part.SequenceEqual(".."u8) && parts.Count > 0 && !parts[^1].AsSpan().SequenceEqual(".."u8))
                parts.RemoveAt(parts.Count - 1);
            else if (!part.IsEmpty && !part.SequenceEqual("."u8) && !(rooted && part.SequenceEqual(".."u8)))
                parts.Add(part.ToArray());
        }
        var result = new List<byte>();
        foreach (var part in parts)
        {
            if (rooted || result.Count > 0)
                result.Add((byte)'/');
            result.AddRange(part);
        }
        return [.. result];
    }

    private static void Seal(Span<byte> block)
    {
        "ustar\000"u8.CopyTo(block[257..]);
        block.Slice(148, 8).Fill((byte)' ');
        var sum = 0;
        foreach (var value in block)
            sum += value;
        Octal(block.Slice(148, 7), sum);
    }

    private static void Text(Span<byte> field, ReadOnlySpan<byte> text)
    {
        text[..Math.Min(text.Length, field.Length)].CopyTo(field);
        // A cut name that ends in a slash would make old readers take a file for a directory.
        if (text.Length > field.Length && field[^1] == '/')
            field[text[..(field.Length - 1)].TrimEnd((byte)'/').Length] = 0;
    }

    /// <summary>Zero-padded octal with a terminating zero; a number that does not fit is 0 here and stands in the extended header.</summary>
    private static void Octal(Span<byte> field, long value)
    {
        var digits = field.Length - 1;
        if (value < 0 || value >= 1L << (3 * digits))
            value = 0;
        for (var i = digits - 1; i >= 0; i--, value >>= 3)
            field[i] = (byte)('0' + (value & 7));
        field[digits] = 0;
    }

    private static byte TypeFlag(LayerEntryType type) => type switch
    {
        LayerEntryType.File => (byte)'0',
        LayerEntryType.HardLink => (byte)'1',
        LayerEntryType.SymbolicLink => (byte)'2',
        LayerEntryType.CharacterDevice => (byte)'3',
        LayerEntryType.BlockDevice => (byte)'4',
        LayerEntryType.Directory => (byte)'5',
        LayerEntryType.Fifo => (byte)'6',
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, "unknown kind of tar entry"),
    };

    private static bool IsAscii(ReadOnlySpan<byte> text) => Ascii.IsValid(text);

    private static byte[] KeepAscii(byte[] text) => IsAscii(text) ? text : [.. text.Where(b => b < 0x80)];
}
