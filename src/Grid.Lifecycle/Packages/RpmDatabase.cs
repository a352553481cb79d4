using System.Buffers.Binary;
using System.Text;

namespace Grid.Lifecycle.Packages;

/// <summary>
/// Reads rpm's database in its formats of today: SQLite (<c>rpmdb.sqlite</c>: Fedora, RHEL 9) and ndb (<c>Packages.db</c>: SUSE). The Berkeley DB of RHEL 8
/// and before (<c>Packages</c>) is not read; whoever finds one says so.
/// </summary>
public static class RpmDatabase
{
    private const int NdbSlotPage = 4096;

    /// <summary>Packages of an SQLite database.</summary>
    /// <exception cref="InvalidDataException">It is broken.</exception>
    public static IReadOnlyList<Package> ParseSqlite(ReadOnlyMemory<byte> file, PackageLimits limits) =>
        [.. new SqliteTable(file).Blobs("Packages").Select(blob => Header(blob.Span, limits)).OfType<Package>().Take(limits.MaxPackages)];

    /// <summary>Packages of an ndb database: pages of slots, each naming where a package's header is.</summary>
    /// <exception cref="InvalidDataException">It is broken.</exception>
    public static IReadOnlyList<Package> ParseNdb(ReadOnlyMemory<byte> file, PackageLimits limits)
    {
        var bytes = file.Span;
        if (bytes.Length < 32 || !bytes.StartsWith("RpmP"u8))
            throw new InvalidDataException("it is no ndb database");
        var pages = (long)BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        var packages = new List<Package>();
        for (var at = 32; at + 16 <= Math.Min(bytes.Length, pages * NdbSlotPage) && packages.Count < limits.MaxPackages; at += 16)
        {
            var slot = bytes.Slice(at, 16);
            var (index, block) = (BinaryPrimitives.ReadUInt32LittleEndian(slot[4..]), BinaryPrimitives.ReadUInt32LittleEndian(slot[8..]));
            if (!slot.StartsWith("Slot"u8) || index == 0 || block == 0)
                continue;
            var offset = block * 16L;
            if (offset + 16 > bytes.Length || !bytes[(int)offset..].StartsWith("BlbS"u8))
                throw new InvalidDataException($"package {index} is not where the database says");
            var length = BinaryPrimitives.ReadUInt32LittleEndian(bytes[((int)offset + 12)..]);
            if (offset + 16 + length > bytes.Length)
                throw new InvalidDataException($"package {index} is longer than the file");
            if (Header(bytes.Slice((int)offset + 16, (int)length), limits) is { } package)
                packages.Add(package);
        }
        return packages;
    }

    /// <summary>A package's header as rpm stores it: counts, index entries (tag, type, offset, count), data. Null for what is no package.</summary>
    private static Package? Header(ReadOnlySpan<byte> header, PackageLimits limits)
    {
        if (header.Length < 8)
            return null;
        var entries = BinaryPrimitives.ReadUInt32BigEndian(header);
        var start = 8 + (entries * 16L);
        if (entries > 65536 || start > header.Length)
            return null;
        var data = header[(int)start..];
        string name = "", version = "", release = "", arch = "";
        string? license = null, source = null;
        long? epoch = null;
        for (var i = 0; i < entries; i++)
        {
            var entry = header.Slice(8 + (i * 16), 16);
            var offset = BinaryPrimitives.ReadUInt32BigEndian(entry[8..]);
            if (offset >= data.Length)
                continue;
            var value = data[(int)offset..];
            switch (BinaryPrimitives.ReadUInt32BigEndian(entry))
            {
                case 1000: name = Text(value, limits); break;
                case 1001: version = Text(value, limits); break;
                case 1002: release = Text(value, limits); break;
                case 1003 when value.Length >= 4: epoch = BinaryPrimitives.ReadUInt32BigEndian(value); break;
                case 1014: license = Text(value, limits); break;
                case 1022: arch = Text(value, limits); break;
                case 1044: source = Text(value, limits); break;
            }
        }
        // Keys that packages are signed with stand in the same table.
        if (name.Length == 0 || version.Length == 0 || name == "gpg-pubkey")
            return null;
        return new Package(PackageKind.Rpm, name, (epoch is null or 0 ? "" : epoch + ":") + version + (release.Length == 0 ? "" : "-" + release), arch) { License = license, Source = source };
    }

    private static string Text(ReadOnlySpan<byte> value, PackageLimits limits)
    {
        var end = value.IndexOf((byte)0);
        var text = end < 0 ? value : value[..end];
        return Encoding.UTF8.GetString(text[..Math.Min(text.Length, limits.MaxText)]);
    }
}
