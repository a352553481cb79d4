using System.Buffers.Binary;
using System.Text;

namespace Grid.Lifecycle.Packages;

/// <summary>
/// Reads the rows of one table of an SQLite database (file format version 3, https://sqlite.org/fileformat.html), without SQL, indexes or writing: enough
/// for rpm's database. The file may be hostile: every offset is checked, no page is visited twice, and what is wrong throws <see cref="InvalidDataException"/>.
/// </summary>
internal sealed class SqliteTable
{
    private const int HeaderLength = 100;
    private readonly ReadOnlyMemory<byte> _file;
    private readonly int _pageSize;
    private readonly int _usable;
    private readonly HashSet<int> _visited = [];

    public SqliteTable(ReadOnlyMemory<byte> file)
    {
        var header = file.Span;
        if (header.Length < HeaderLength || !header.StartsWith("SQLite format 3\0"u8))
            throw new InvalidDataException("it is no SQLite database");
        var size = BinaryPrimitives.ReadUInt16BigEndian(header[16..]);
        _pageSize = size == 1 ? 65536 : size;
        if (_pageSize < 512 || !int.IsPow2(_pageSize))
            throw new InvalidDataException($"a page of it has {_pageSize} bytes");
        _usable = _pageSize - header[20];
        if (_usable < 480)
            throw new InvalidDataException("its pages have no room");
        _file = file;
    }

    /// <summary>The blobs in the last column of a table's rows.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Blobs(string table)
    {
        var root = 0;
        foreach (var record in Records(1))
        {
            // sqlite_schema: type, name, tbl_name, rootpage, sql.
            var columns = Columns(record);
            if (columns.Count >= 4 && Text(record, columns[0]) == "table" && Text(record, columns[1]) == table)
                root = (int)Math.Min(int.MaxValue, Integer(record, columns[3]));
        }
        if (root <= 0)
            throw new InvalidDataException($"it has no table {table}");
        _visited.Clear();
        foreach (var record in Records(root))
        {
            var columns = Columns(record);
            if (columns.Count > 0 && columns[^1] is { Type: >= 12 } last)
                yield return record.Slice(last.Offset, last.Length);
        }
    }

    private IEnumerable<ReadOnlyMemory<byte>> Records(int root)
    {
        var pending = new Stack<int>([root]);
        while (pending.TryPop(out var number))
        {
            var page = Page(number);
            var start = number == 1 ? HeaderLength : 0;
            var type = page.Span[start];
            var cells = BinaryPrimitives.ReadUInt16BigEndian(page.Span[(start + 3)..]);
            var pointers = start + (type == 5 ? 12 : 8);
            if (type is not (5 or 13) || pointers + (cells * 2) > _usable)
                throw new InvalidDataException($"page {number} is no page of a table");
            if (type == 5)
                pending.Push((int)BinaryPrimitives.ReadUInt32BigEndian(page.Span[(start + 8)..]));
            for (var i = cells - 1; type == 5 && i >= 0; i--)
                pending.Push((int)BinaryPrimitives.ReadUInt32BigEndian(At(page, Pointer(page, pointers, i), 4).Span));
            for (var i = 0; type == 13 && i < cells; i++)
                yield return Record(page, Pointer(page, pointers, i));
        }
    }

    private ReadOnlyMemory<byte> Record(ReadOnlyMemory<byte> page, int at)
    {
        var length = Varint(page.Span, ref at);
        Varint(page.Span, ref at);
        if (length < 0 || length > _file.Length)
            throw new InvalidDataException($"a row has {length} bytes");
        var most = _usable - 35;
        if (length <= most)
            return At(page, at, (int)length);
        var least = ((_usable - 12) * 32 / 255) - 23;
        var local = least + (int)((length - least) % (_usable - 4));
        if (local > most)
            local = least;
        var record = new byte[length];
        At(page, at, local).CopyTo(record);
        var next = (int)BinaryPrimitives.ReadUInt32BigEndian(At(page, at + local, 4).Span);
        for (var filled = local; filled < record.Length;)
        {
            var overflow = Page(next);
            var part = Math.Min(_usable - 4, record.Length - filled);
            At(overflow, 4, part).CopyTo(record.AsMemory(filled));
            filled += part;
            next = (int)BinaryPrimitives.ReadUInt32BigEndian(overflow.Span);
        }
        return record;
    }

    private static List<(int Type, int Offset, int Length)> Columns(ReadOnlyMemory<byte> record)
    {
        var columns = new List<(int, int, int)>();
        var at = 0;
        var header = Varint(record.Span, ref at);
        if (header < at || header > record.Length)
            throw new InvalidDataException("a row has a broken header");
        long offset = header;
        while (at < header)
        {
            var type = Varint(record.Span, ref at);
            var length = type switch { < 0 => throw new InvalidDataException("a column has no type"), <= 4 => type, 5 => 6, 6 or 7 => 8, < 12 => 0, _ => (type - 12) / 2 };
            if (offset + length > record.Length)
                throw new InvalidDataException("a column is longer than its row");
            // A blob is even, a text odd; only whether it is one matters from here on.
            columns.Add(((int)Math.Min(type, type >= 12 && type % 2 == 0 ? 12 : 13), (int)offset, (int)length));
            offset += length;
        }
        return columns;
    }

    private static string? Text(ReadOnlyMemory<byte> record, (int Type, int Offset, int Length) column) =>
        column.Type == 13 ? Encoding.UTF8.GetString(record.Span.Slice(column.Offset, column.Length)) : null;

    private static long Integer(ReadOnlyMemory<byte> record, (int Type, int Offset, int Length) column)
    {
        if (column.Type is < 1 or > 6)
            return column.Type == 9 ? 1 : 0;
        long value = 0;
        foreach (var b in record.Span.Slice(column.Offset, column.Length))
            value = (value << 8) | b;
        return value;
    }

    private ReadOnlyMemory<byte> Page(int number)
    {
        var offset = (number - 1L) * _pageSize;
        if (number < 1 || offset + _pageSize > _file.Length)
            throw new InvalidDataException($"page {number} is not in the file");
        if (!_visited.Add(number))
            throw new InvalidDataException($"page {number} is used twice");
        return _file.Slice((int)offset, _pageSize);
    }

    private int Pointer(ReadOnlyMemory<byte> page, int pointers, int index) => BinaryPrimitives.ReadUInt16BigEndian(page.Span[(pointers + (index * 2))..]);

    private ReadOnlyMemory<byte> At(ReadOnlyMemory<byte> page, int at, int length) =>
        at >= 0 && length >= 0 && at + length <= _usable ? page.Slice(at, length) : throw new InvalidDataException("a cell leads out of its page");

    private static long Varint(ReadOnlySpan<byte> bytes, ref int at)
    {
        long value = 0;
        for (var i = 0; i < 9; i++)
        {
            if (at >= bytes.Length)
                throw new InvalidDataException("a number leads out of its page");
            var b = bytes[at++];
            if (i == 8)
                return (value << 8) | b;
            value = (value << 7) | (uint)(b & 0x7F);
            if (b < 0x80)
                break;
        }
        return value;
    }
}
