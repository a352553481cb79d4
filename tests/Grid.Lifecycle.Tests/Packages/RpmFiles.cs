using System.Buffers.Binary;
using System.Text;
using Grid.Lifecycle.Packages;

namespace Grid.Lifecycle.Tests.Packages;

/// <summary>Writes rpm databases byte by byte, by the formats' descriptions and not by what our reader expects.</summary>
internal static class RpmFiles
{
    /// <summary>A header as rpm stores it in its database.</summary>
    public static byte[] Header(Package package, int? epoch, int padding)
    {
        var (version, release) = package.Version[(package.Version.IndexOf(':') + 1)..].Split('-', 2) switch { [var v, var r] => (v, r), var all => (all[0], "") };
        var data = new MemoryStream();
        var index = new List<(uint Tag, uint Type, uint Offset, uint Count)>();
        Add(1000, package.Name);
        Add(1001, version);
        Add(1002, release);
        if (epoch is { } number)
        {
            index.Add((1003, 4, (uint)data.Length, 1));
            data.Write(BigEndian((uint)number));
        }
        if (package.License is not null)
            Add(1014, package.License);
        Add(1022, package.Architecture);
        if (package.Source is not null)
            Add(1044, package.Source);
        index.Add((1027, 7, (uint)data.Length, (uint)padding));
        data.Write(new byte[padding]);
        var header = new MemoryStream();
        header.Write(BigEndian((uint)index.Count));
        header.Write(BigEndian((uint)data.Length));
        foreach (var (tag, type, offset, count) in index)
        {
            foreach (var word in new[] { tag, type, offset, count })
                header.Write(BigEndian(word));
        }
        data.WriteTo(header);
        return header.ToArray();

        void Add(uint tag, string text)
        {
            index.Add((tag, 6, (uint)data.Length, 1));
            data.Write(Encoding.UTF8.GetBytes(text + "\0"));
        }
    }

    /// <summary>An SQLite file with the table Packages(hnum INTEGER PRIMARY KEY, blob BLOB).</summary>
    public static byte[] Sqlite(int pageSize, IReadOnlyList<byte[]> blobs)
    {
        var pages = new List<byte[]> { new byte[pageSize] };
        var leaves = new List<(int Page, long LastRow)>();
        var cells = new List<byte[]>();
        var used = 8;
        for (var row = 0; row < blobs.Count; row++)
        {
            var cell = Cell(pages, pageSize, row + 1, Record([null, blobs[row]]));
            if (used + cell.Length + 2 > pageSize)
                Flush(row);
            cells.Add(cell);
            used += cell.Length + 2;
        }
        Flush(blobs.Count);
        var root = Interior(leaves);
        "SQLite format 3\0"u8.CopyTo(pages[0]);
        BinaryPrimitives.WriteUInt16BigEndian(pages[0].AsSpan(16), (ushort)pageSize);
        var schema = Cell(pages, pageSize, 1, Record(["table", "Packages", "Packages", (long)root, "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT,blob BLOB NOT NULL)"]));
        Leaf(pages[0], 100, [schema]);
        return [.. pages.SelectMany(p => p)];

        void Flush(long lastRow)
        {
            var page = new byte[pageSize];
            Leaf(page, 0, cells);
            pages.Add(page);
            leaves.Add((pages.Count, lastRow));
            cells.Clear();
            used = 8;
        }

        // As many levels as it takes.
        int Interior(List<(int Page, long LastRow)> children)
        {
            while (children.Count > 1)
            {
                var parents = new List<(int, long)>();
                foreach (var some in children.Chunk(Math.Min(children.Count, pageSize / 32)))
                {
                    var page = new byte[pageSize];
                    page[0] = 5;
                    BinaryPrimitives.WriteUInt16BigEndian(page.AsSpan(3), (ushort)(some.Length - 1));
                    BinaryPrimitives.WriteUInt32BigEndian(page.AsSpan(8), (uint)some[^1].Page);
                    var end = pageSize;
                    for (var i = 0; i < some.Length - 1; i++)
                    {
                        byte[] cell = [.. BigEndian((uint)some[i].Page), .. Varint(some[i].LastRow)];
                        cell.CopyTo(page, end -= cell.Length);
                        BinaryPrimitives.WriteUInt16BigEndian(page.AsSpan(12 + (i * 2)), (ushort)end);
                    }
                    pages.Add(page);
                    parents.Add((pages.Count, some[^1].LastRow));
                }
                children = parents;
            }
            return children[0].Page;
        }
    }

    /// <summary>An ndb file: one page of slots, then the blobs in blocks of 16 bytes.</summary>
    public static byte[] Ndb(IReadOnlyList<byte[]> blobs)
    {
        var file = new MemoryStream();
        file.Write("RpmP"u8);
        foreach (var word in new uint[] { 0, 1, 1, (uint)blobs.Count + 1, 0, 0, 0 })
            file.Write(LittleEndian(word));
        var block = 4096u / 16;
        for (var i = 0; i < (4096 / 16) - 2; i++)
        {
            var isUsed = i < blobs.Count;
            file.Write("Slot"u8);
            file.Write(LittleEndian(isUsed ? (uint)i + 1 : 0));
            file.Write(LittleEndian(isUsed ? block : 0));
            file.Write(LittleEndian(isUsed ? Blocks(blobs[i]) : 0));
            if (isUsed)
                block += Blocks(blobs[i]);
        }
        for (var i = 0; i < blobs.Count; i++)
        {
            var start = file.Length;
            file.Write("BlbS"u8);
            foreach (var word in new[] { (uint)i + 1, 1u, (uint)blobs[i].Length })
                file.Write(LittleEndian(word));
            file.Write(blobs[i]);
            file.Write(new byte[(Blocks(blobs[i]) * 16) - (file.Length - start)]);
        }
        return file.ToArray();
    }

    private static uint Blocks(byte[] blob) => (uint)((16 + blob.Length + 12 + 15) / 16);

    private static void Leaf(byte[] page, int start, IReadOnlyList<byte[]> cells)
    {
        page[start] = 13;
        BinaryPrimitives.WriteUInt16BigEndian(page.AsSpan(start + 3), (ushort)cells.Count);
        var end = page.Length;
        for (var i = 0; i < cells.Count; i++)
        {
            cells[i].CopyTo(page, end -= cells[i].Length);
            BinaryPrimitives.WriteUInt16BigEndian(page.AsSpan(start + 8 + (i * 2)), (ushort)end);
        }
    }

    private static byte[] Cell(List<byte[]> pages, int pageSize, long row, byte[] record)
    {
        byte[] head = [.. Varint(record.Length), .. Varint(row)];
        if (record.Length <= pageSize - 35)
            return [.. head, .. record];
        var least = ((pageSize - 12) * 32 / 255) - 23;
        var local = least + ((record.Length - least) % (pageSize - 4));
        if (local > pageSize - 35)
            local = least;
        var chunks = record[local..].Chunk(pageSize - 4).ToList();
        var first = pages.Count + 1;
        for (var i = 0; i < chunks.Count; i++)
        {
            var page = new byte[pageSize];
            BinaryPrimitives.WriteUInt32BigEndian(page, i + 1 < chunks.Count ? (uint)pages.Count + 2 : 0);
            chunks[i].CopyTo(page, 4);
            pages.Add(page);
        }
        return [.. head, .. record[..local], .. BigEndian((uint)first)];
    }

    private static byte[] Record(IReadOnlyList<object?> values)
    {
        var (types, body) = (new MemoryStream(), new MemoryStream());
        foreach (var value in values)
        {
            switch (value)
            {
                case null:
                    types.Write(Varint(0));
                    break;
                case long number:
                    types.Write(Varint(4));
                    body.Write(BigEndian((uint)number));
                    break;
                case string text:
                    types.Write(Varint(13 + (Encoding.UTF8.GetByteCount(text) * 2L)));
                    body.Write(Encoding.UTF8.GetBytes(text));
                    break;
                case byte[] blob:
                    types.Write(Varint(12 + (blob.Length * 2L)));
                    body.Write(blob);
                    break;
            }
        }
        var length = types.Length + 1 < 128 ? 1 : 2;
        return [.. Varint(types.Length + length), .. types.ToArray(), .. body.ToArray()];
    }

    private static byte[] Varint(long value)
    {
        var bytes = new Stack<byte>([(byte)(value & 0x7F)]);
        for (value >>= 7; value > 0; value >>= 7)
            bytes.Push((byte)((value & 0x7F) | 0x80));
        return [.. bytes];
    }

    private static byte[] BigEndian(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] LittleEndian(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        return bytes;
    }
}
