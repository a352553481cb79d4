using System.Formats.Tar;
using System.Security.Cryptography;

namespace Grid.EndToEnd.Tests.Extend;

/// <summary>The file system that layers add up to, as lines: path, type, mode, owner, content, and which names are one file.</summary>
internal static class FileSystemView
{
    /// <summary>What engines put into the root of every container, and what no builder promises.</summary>
    private static readonly string[] Engine = ["dev", "proc", "sys", "etc/hosts", "etc/resolv.conf", "etc/hostname", "etc/mtab", ".dockerenv"];

    /// <summary>Applies layers one after the other, bottom first.</summary>
    public static string Of(IEnumerable<byte[]> layers)
    {
        var files = new SortedDictionary<string, Node>(StringComparer.Ordinal);
        foreach (var layer in layers)
            Apply(files, layer);
        var names = files.Where(file => file.Value.Inode is not null).GroupBy(file => file.Value.Inode!).Where(group => group.Count() > 1).ToDictionary(group => group.Key, group => group.First().Key);
        return string.Join('\n', files.Where(file => !Engine.Any(path => file.Key == path || file.Key.StartsWith(path + "/", StringComparison.Ordinal)))
            .Select(file => $"{file.Key} {file.Value.Text}{(file.Value.Inode is { } inode && names.TryGetValue(inode, out var first) ? $" = {first}" : "")}"));
    }

    private static void Apply(SortedDictionary<string, Node> files, byte[] tar)
    {
        var added = new HashSet<string>(StringComparer.Ordinal);
        using var reader = new TarReader(new MemoryStream(tar));
        while (reader.GetNextEntry(copyData: true) is { } entry)
        {
            var path = entry.Name.Trim('/');
            path = path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path;
            if (path is "" or ".")
                continue;
            var name = path[(path.LastIndexOf('/') + 1)..];
            var directory = path[..Math.Max(0, path.Length - name.Length - 1)];
            if (name == ".wh..wh..opq")
                Remove(files, directory + "/", added);
            else if (name.StartsWith(".wh.", StringComparison.Ordinal))
                RemoveWhole(files, directory.Length == 0 ? name[4..] : $"{directory}/{name[4..]}");
            else
                Add(files, path, entry, added);
        }
    }

    private static void Add(SortedDictionary<string, Node> files, string path, TarEntry entry, HashSet<string> added)
    {
        if (entry.EntryType != TarEntryType.Directory || files.GetValueOrDefault(path) is not { IsDirectory: true })
            RemoveWhole(files, path);
        files[path] = entry.EntryType == TarEntryType.HardLink ? files[entry.LinkName.Trim('/')] : NodeOf(entry);
        added.Add(path);
    }

    private static Node NodeOf(TarEntry entry)
    {
        var owner = $"{Convert.ToString((int)entry.Mode & 0xFFF, 8)} {entry.Uid}:{entry.Gid}";
        return entry.EntryType switch
        {
            TarEntryType.Directory => new Node($"dir {owner}", null, IsDirectory: true),
            TarEntryType.SymbolicLink => new Node($"link {entry.Uid}:{entry.Gid} {entry.LinkName}", null),
            TarEntryType.Fifo => new Node($"fifo {owner}", null),
            TarEntryType.CharacterDevice or TarEntryType.BlockDevice => new Node($"device {owner}", null),
            _ => new Node($"file {owner} {entry.Length} {Convert.ToHexStringLower(SHA256.HashData(entry.DataStream ?? Stream.Null))[..16]}", new object()),
        };
    }

    private static void RemoveWhole(SortedDictionary<string, Node> files, string path)
    {
        files.Remove(path);
        Remove(files, path + "/", []);
    }

    private static void Remove(SortedDictionary<string, Node> files, string prefix, HashSet<string> but)
    {
        foreach (var below in files.Keys.Where(key => key.StartsWith(prefix, StringComparison.Ordinal) && !but.Contains(key)).ToList())
            files.Remove(below);
    }

    private sealed record Node(string Text, object? Inode, bool IsDirectory = false);
}
