using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;

namespace Grid.Oci.Layers;

/// <summary>
/// Reads the entries of an uncompressed tar in order: ustar, PAX, GNU long names and numbers. What it does not understand or what exceeds the limits
/// throws <see cref="InvalidDataException"/>. Names are not judged here: who writes them to a disk does that.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "An entry's content is a view of the caller's stream and holds nothing.")]
public sealed class LayerReader(Stream uncompressedTar, LayerLimits? limits = null)
{
    private const int BlockSize = TarHeader.BlockSize;
    private static readonly string[] GlobalKeys = ["path", "linkpath", "size", "uid", "gid", "mtime"];
    private readonly LayerLimits _limits = limits ?? new LayerLimits();
    private readonly byte[] _block = new byte[BlockSize];
    private readonly Dictionary<string, byte[]> _global = new(StringComparer.Ordinal);
    private EntryContent _content = new(Stream.Null, 0);
    private int _padding;
    private long _entries;
    private long _bytes;

    /// <summary>Content of the entry <see cref="Next"/> returned last; valid until it is called again.</summary>
    public Stream Content => _content;

    /// <summary>The stream of a blob's uncompressed bytes. Decides by the first bytes, as engines do, and by the media type when they say nothing.</summary>
    public static Stream Decompress(Stream blob, string mediaType) => LayerDecompression.Open(blob, mediaType);

    /// <summary>The next entry, or null at the end. Content of the one before that was not read is skipped.</summary>
    public LayerEntry? Next()
    {
        SkipContent();
        var records = new Dictionary<string, byte[]>(_global, StringComparer.Ordinal);
        while (ReadHeader())
        {
            var type = (char)_block[156];
            var size = Number(124, 12, "size");
            switch (type)
            {
                case 'x':
                    PaxRecords.Decode(ReadExtension(size), records);
                    break;
                case 'g':
                    DecodeGlobal(ReadExtension(size));
                    foreach (var (key, value) in _global)
                        records.TryAdd(key, value);
                    break;
                case 'L':
                    records["path"] = TrimZero(ReadExtension(size));
                    break;
                case 'K':
                    records["linkpath"] = TrimZero(ReadExtension(size));
                    break;
                default:
                    return Entry(type, size, records);
            }
            // The extended header itself counts too: a million of them before one entry is an attack.
            Count();
        }
        return null;
    }

    // They are copied for each entry, so only what an entry asks for is kept: thousands of others would cost time with each one.
    private void DecodeGlobal(byte[] data)
    {
        var records = new Dictionary<string, byte[]>(StringComparer.Ordinal);
        PaxRecords.Decode(data, records);
        foreach (var key in GlobalKeys)
        {
            if (records.TryGetValue(key, out var value))
                _global[key] = value;
        }
    }

    private LayerEntry Entry(char flag, long size, Dictionary<string, byte[]> records)
    {
        Count();
        var path = NameOf(records, "path", HeaderName());
        var type = Type(flag, path);
        if (records.Keys.FirstOrDefault(k => k.StartsWith("GNU.sparse.", StringComparison.Ordinal)) is not null)
            throw Malformed($"'{path}' is a sparse file, which layers cannot hold");
        size = NumberOf(records, "size", size);
        if (type != LayerEntryType.File)
            size = flag is '0' or '\0' or '7' ? throw Malformed($"the directory '{path}' has content") : 0;
        if (size < 0 || size > _limits.MaxBytes - _bytes)
            throw Malformed($"'{path}' has {size} bytes: more than {_limits.MaxBytes} in all are not accepted");
        _content = new EntryContent(uncompressedTar, size);
        _padding = (int)(-size & (BlockSize - 1));
        _bytes += size + _padding;
        var isLink = type is LayerEntryType.SymbolicLink or LayerEntryType.HardLink;
        return new LayerEntry(path, type)
        {
            Mode = (int)(Number(100, 8, "mode") & 0xFFF),
            Owner = new Owner(Id(records, "uid", 108, path), Id(records, "gid", 116, path)),
            Size = size,
            LinkTarget = isLink ? LinkOf(records, path) : null,
            ModifiedTime = Time(records),
            Device = type is LayerEntryType.CharacterDevice or LayerEntryType.BlockDevice ? Device() : default,
            Xattrs = XattrsOf(records),
        };
    }

    private static LayerEntryType Type(char flag, string path) => flag switch
    {
        // Before POSIX a directory was a file whose name ends in a slash; readers still honour it.
        '0' or '\0' or '7' => path.EndsWith('/') ? LayerEntryType.Directory : LayerEntryType.File,
        '1' => LayerEntryType.HardLink,
        '2' => LayerEntryType.SymbolicLink,
        '3' => LayerEntryType.CharacterDevice,
        '4' => LayerEntryType.BlockDevice,
        '5' => LayerEntryType.Directory,
        '6' => LayerEntryType.Fifo,
        'S' => throw Malformed($"'{path}' is a sparse file, which layers cannot hold"),
        _ => throw Malformed($"'{path}' is an entry of the unknown type '{(flag is > ' ' and < '\x7F' ? flag : '?')}' (0x{(int)flag:x2})"),
    };

    private bool ReadHeader()
    {
        var zeros = 0;
        while (true)
        {
            var length = uncompressedTar.ReadAtLeast(_block, BlockSize, throwOnEndOfStream: false);
            if (length == 0)
                return false; // an end without the two zero blocks: GNU tar and Go accept it
            if (length < BlockSize)
                throw Malformed("the tar ends inside a header");
            _bytes += BlockSize;
            if (_block.AsSpan().ContainsAnyExcept((byte)0))
                break;
            if (++zeros == 2)
                return false;
        }
        if (zeros > 0)
            throw Malformed("the tar goes on after a zero block");
        VerifyChecksum();
        return true;
    }

    private void VerifyChecksum()
    {
        long unsigned = 8 * ' ', signed = unsigned;
        for (var i = 0; i < BlockSize; i++)
        {
            if (i is >= 148 and < 156)
                continue;
            unsigned += _block[i];
            signed += (sbyte)_block[i];
        }
        // Old tars summed signed bytes.
        if (Number(148, 8, "checksum") is var sum && sum != unsigned && sum != signed)
            throw Malformed("a header's checksum is wrong: this is no tar, or it is damaged");
    }

    private byte[] ReadExtension(long size)
    {
        if (size < 0 || size > _limits.MaxExtendedHeaderBytes)
            throw Malformed($"an extended header of {size} bytes is larger than the {_limits.MaxExtendedHeaderBytes} bytes that are accepted");
        var padded = (size + BlockSize - 1) / BlockSize * BlockSize;
        var data = new byte[padded];
        if (uncompressedTar.ReadAtLeast(data, data.Length, throwOnEndOfStream: false) < data.Length)
            throw Malformed("the tar ends inside an extended header");
        _bytes += padded;
        return data[..(int)size];
    }

    private void Count()
    {
        if (++_entries > _limits.MaxEntries)
            throw Malformed($"the tar has more than the {_limits.MaxEntries} entries that are accepted");
        if (_bytes > _limits.MaxBytes)
            throw Malformed($"the tar has more than the {_limits.MaxBytes} bytes that are accepted");
    }

    private void SkipContent()
    {
        _content.Skip();
        if (_padding > 0 && uncompressedTar.ReadAtLeast(_block.AsSpan(0, _padding), _padding, throwOnEndOfStream: false) < _padding)
            throw Malformed("the tar ends inside a file");
        _padding = 0;
    }

    private byte[] HeaderName()
    {
        var name = Text(0, 100);
        // Only ustar has a prefix; GNU's old format keeps other things there.
        if (!_block.AsSpan(257, 6).SequenceEqual("ustar\0"u8) || _block[345] == 0)
            return name;
        return [.. Text(345, 155), (byte)'/', .. name];
    }

    private string NameOf(Dictionary<string, byte[]> records, string key, byte[] fallback)
    {
        var bytes = records.TryGetValue(key, out var value) ? value : fallback;
        if (bytes.Contains((byte)0))
            throw Malformed("a name holds a zero byte");
        if (bytes.Length > _limits.MaxNameBytes)
            throw Malformed($"a name has {bytes.Length} bytes; {_limits.MaxNameBytes} are accepted");
        var name = bytes.AsSpan();
        while (key == "path" && name.StartsWith("./"u8) && name.Length > 2)
            name = name[2..];
        return BytePath.Decode(name);
    }

    private string LinkOf(Dictionary<string, byte[]> records, string path)
    {
        var target = NameOf(records, "linkpath", Text(157, 100));
        return target.Length > 0 ? target : throw Malformed($"the link '{path}' points to nothing");
    }

    private int Id(Dictionary<string, byte[]> records, string key, int offset, string path)
    {
        var id = NumberOf(records, key, Number(offset, 8, key));
        // 4294967295 would mean "leave it" to chown, and more would be cut.
        return id is >= 0 and <= int.MaxValue ? (int)id : throw Malformed($"'{path}' belongs to the impossible {key} {id}");
    }

    private DateTimeOffset Time(Dictionary<string, byte[]> records)
    {
        decimal seconds;
        if (!records.TryGetValue("mtime", out var text) || text.Length == 0)
            seconds = Number(136, 12, "mtime");
        else if (!decimal.TryParse(Encoding.ASCII.GetString(text), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out seconds))
            throw Malformed("an extended header holds a wrong mtime");
        seconds = Math.Clamp(seconds, -62_135_596_800, 253_402_300_799);
        return DateTimeOffset.UnixEpoch.AddTicks((long)decimal.Floor(seconds * TimeSpan.TicksPerSecond));
    }

    private (uint Major, uint Minor) Device() => ((uint)Number(329, 8, "device number"), (uint)Number(337, 8, "device number"));

    private static Dictionary<string, byte[]>? XattrsOf(Dictionary<string, byte[]> records)
    {
        const string Prefix = "SCHILY.xattr.";
        Dictionary<string, byte[]>? result = null;
        foreach (var (key, value) in records)
        {
            if (key.Length > Prefix.Length && key.StartsWith(Prefix, StringComparison.Ordinal))
                (result ??= new(StringComparer.Ordinal))[key[Prefix.Length..]] = value;
        }
        return result;
    }

    private static long NumberOf(Dictionary<string, byte[]> records, string key, long fallback)
    {
        // An empty value takes a global header's word back.
        if (!records.TryGetValue(key, out var text) || text.Length == 0)
            return fallback;
        return long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number
            : throw Malformed($"an extended header holds a wrong {key}");
    }

    private long Number(int offset, int length, string what) =>
        TarNumber.TryRead(_block.AsSpan(offset, length), out var number) ? number : throw Malformed($"a header holds a wrong {what}");

    private byte[] Text(int offset, int length) => TrimZero(_block.AsSpan(offset, length));

    private static byte[] TrimZero(ReadOnlySpan<byte> text) => (text.IndexOf((byte)0) is var end && end >= 0 ? text[..end] : text).ToArray();

    private static InvalidDataException Malformed(string message) => new("bad layer: " + message);
}
