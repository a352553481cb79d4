using Grid.Dockerfiles.Planning;

namespace Grid.Dockerfiles.Context;

/// <summary>
/// Looks things up in a context index. Links are followed inside the context only: an absolute target begins at the context's root, and
/// ".." stops there.
/// </summary>
internal sealed class ContextTree
{
    private const int MaxLinks = 40;
    private static readonly ContextEntry Root = new("", ContextEntryType.Directory, 0x1ED);
    private readonly IReadOnlyList<ContextEntry> _entries;
    private readonly Dictionary<string, ContextEntry> _byPath = new(StringComparer.Ordinal) { [""] = Root };

    public ContextTree(ContextIndex index)
    {
        _entries = index.Entries;
        foreach (var entry in _entries)
        {
            _byPath[entry.Path] = entry;
            // Directories that only stand in the paths of what is in them.
            for (var slash = entry.Path.LastIndexOf('/'); slash > 0; slash = entry.Path.LastIndexOf('/', slash - 1))
                _byPath.TryAdd(entry.Path[..slash], Root with { Path = entry.Path[..slash] });
        }
    }

    /// <summary>The entry at a path with all links resolved, the last one too; null when nothing is there. Throws <see cref="FormatException"/> for a loop.</summary>
    public ContextEntry? Resolve(string path)
    {
        var links = 0;
        var pending = new Stack<string>(path.Split('/').Reverse());
        var current = Root;
        while (pending.TryPop(out var part))
        {
            if (part is "" or ".")
                continue;
            if (current.Type != ContextEntryType.Directory)
                return null;
            if (part == "..")
            {
                current = _byPath[Directory(current.Path)];
                continue;
            }
            if (!_byPath.TryGetValue(Below(current.Path, part), out var next))
                return null;
            if (next.Type != ContextEntryType.SymbolicLink)
            {
                current = next;
                continue;
            }
            if (++links > MaxLinks)
                throw new FormatException($"too many levels of symbolic links at {next.Path} in the build context");
            current = next.LinkTarget!.StartsWith('/') ? Root : current;
            foreach (var step in next.LinkTarget.Split('/').Reverse())
                pending.Push(step);
        }
        return current;
    }

    /// <summary>Everything below a directory, sorted by path, links not followed.</summary>
    public IEnumerable<ContextEntry> Below(string directory)
    {
        var prefix = directory.Length == 0 ? "" : directory + "/";
        for (var i = FirstFrom(prefix); i < _entries.Count && _entries[i].Path.StartsWith(prefix, StringComparison.Ordinal); i++)
            yield return _entries[i];
    }

    /// <summary>The entry itself, or null.</summary>
    public ContextEntry? Find(string path) => _byPath.GetValueOrDefault(path);

    private int FirstFrom(string prefix)
    {
        var (low, high) = (0, _entries.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (string.CompareOrdinal(_entries[middle].Path, prefix) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        return low;
    }

    private static string Directory(string path) => path.LastIndexOf('/') is var slash and > 0 ? path[..slash] : "";

    private static string Below(string directory, string name) => directory.Length == 0 ? name : ImagePath.Join(directory, name);
}
