using System.Formats.Tar;
using System.Text;
using System.Text.Json;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>One entry of a layer, as far as two builders can be expected to agree: no times, no owner names.</summary>
/// <param name="Name">Without leading or trailing slash.</param>
/// <param name="Type">file, dir, symlink, hardlink, fifo, char or block; a whiteout is a file with nothing but its name.</param>
/// <param name="Mode">Permission bits with setuid, setgid and sticky.</param>
/// <param name="Owner"><c>uid:gid</c>.</param>
/// <param name="Content">A file's bytes (hex digest when long), a link's target.</param>
/// <param name="Xattrs">Extended attributes by name, values in hex.</param>
public sealed record LayerMember(string Name, string Type, string Mode, string Owner, string Content, string Xattrs)
{
    private const string Whiteout = ".wh.";
    private const string XattrPrefix = "SCHILY.xattr.";
    private const int MaxContent = 4096;

    /// <summary>The entries of a tar by an independent reader.</summary>
    public static IReadOnlyList<LayerMember> Read(byte[] tar)
    {
        var members = new List<LayerMember>();
        using var reader = new TarReader(new MemoryStream(tar));
        while (reader.GetNextEntry(copyData: true) is { } entry)
            members.Add(Of(entry));
        return members;
    }

    /// <summary>The entries of a layer as the recording has them.</summary>
    public static IReadOnlyList<LayerMember> Read(JsonElement members) => [.. members.EnumerateArray().Select(Of)];

    /// <summary>Sorted lines, to be compared and read.</summary>
    public static string Describe(IEnumerable<LayerMember> members) =>
        string.Join('\n', members.OrderBy(member => member.Name, StringComparer.Ordinal).Select(member => member.ToString()));

    public override string ToString() => $"{Name} {Type} {Mode} {Owner} {Content}{(Xattrs.Length > 0 ? " " : "")}{Xattrs}";

    private static LayerMember Of(TarEntry entry)
    {
        var name = entry.Name.Trim('/').StartsWith("./", StringComparison.Ordinal) ? entry.Name.Trim('/')[2..] : entry.Name.Trim('/');
        if (Path.GetFileName(name).StartsWith(Whiteout, StringComparison.Ordinal))
            return new LayerMember(name, "file", "", "", "", "");
        var type = entry.EntryType switch
        {
            TarEntryType.Directory => "dir",
            TarEntryType.SymbolicLink => "symlink",
            TarEntryType.HardLink => "hardlink",
            TarEntryType.Fifo => "fifo",
            TarEntryType.CharacterDevice => "char",
            TarEntryType.BlockDevice => "block",
            _ => "file",
        };
        var content = type switch
        {
            "symlink" => entry.LinkName,
            "hardlink" => entry.LinkName.TrimStart('/'),
            "char" or "block" when entry is PosixTarEntry device => $"{device.DeviceMajor}:{device.DeviceMinor}",
            _ => Text(entry.DataStream),
        };
        return new LayerMember(name, type, type == "symlink" ? "" : Convert.ToString((int)entry.Mode & 0xFFF, 8), $"{entry.Uid}:{entry.Gid}", content, XattrsOf(entry));
    }

    private static LayerMember Of(JsonElement member)
    {
        var name = member.GetProperty("name").GetString()!;
        if (Path.GetFileName(name).StartsWith(Whiteout, StringComparison.Ordinal))
            return new LayerMember(name, "file", "", "", "", "");
        var type = member.GetProperty("type").GetString()!;
        var link = member.TryGetProperty("linkname", out var target) ? target.GetString()! : "";
        var mode = Convert.ToInt32(member.GetProperty("mode").GetString()![2..], 8) & 0xFFF;
        var content = type switch
        {
            "symlink" => link,
            "hardlink" => link.TrimStart('/'),
            "dir" => "",
            _ when member.TryGetProperty("content", out var text) => text.GetString()!,
            // The recording has no bytes of binary files.
            _ => $"({member.GetProperty("size").GetInt64()} bytes)",
        };
        var xattrs = member.TryGetProperty("pax", out var pax)
            ? string.Join(' ', pax.EnumerateObject().Where(p => p.Name.StartsWith(XattrPrefix, StringComparison.Ordinal)).Select(p => p.Name[XattrPrefix.Length..]))
            : "";
        return new LayerMember(name, type, type == "symlink" ? "" : Convert.ToString(mode, 8), $"{member.GetProperty("uid").GetInt32()}:{member.GetProperty("gid").GetInt32()}", content, xattrs);
    }

    private static string XattrsOf(TarEntry entry) => entry is PaxTarEntry pax
        ? string.Join(' ', pax.ExtendedAttributes.Keys.Where(key => key.StartsWith(XattrPrefix, StringComparison.Ordinal)).Select(key => key[XattrPrefix.Length..]).Order(StringComparer.Ordinal))
        : "";

    private static string Text(Stream? data)
    {
        if (data is null || data.Length == 0)
            return "";
        using var bytes = new MemoryStream();
        data.CopyTo(bytes);
        var array = bytes.ToArray();
        return array.Length <= MaxContent && !array.Contains((byte)0) && System.Text.Unicode.Utf8.IsValid(array)
            ? Encoding.UTF8.GetString(array)
            : $"({array.Length} bytes)";
    }
}
