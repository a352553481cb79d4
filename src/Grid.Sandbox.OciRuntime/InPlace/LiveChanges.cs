using Grid.Oci.FileSystem;
using Grid.Sandbox.OciRuntime.Snapshots;

namespace Grid.Sandbox.OciRuntime.InPlace;

/// <summary>
/// What changed in the file system we run in, by comparing stamps of all files before and after. It says what an overlay's upper directory would say; only a
/// directory that was replaced by another is told as deletions in it.
/// </summary>
internal sealed class LiveChanges
{
    private const string WhiteoutPrefix = ".wh.";
    private readonly RootedDirectory _root;
    private readonly Dictionary<string, FileStamp> _before;
    private readonly Node _changes = new("");

    private LiveChanges(RootedDirectory root, Dictionary<string, FileStamp> before) => (_root, _before) = (root, before);

    /// <summary>Changes since a look at the tree, to be packed in this order.</summary>
    /// <param name="root">The tree.</param>
    /// <param name="before">What it was.</param>
    /// <param name="isExcluded">Paths that are left out with all below, as they were before.</param>
    /// <param name="cancellationToken">Stops looking.</param>
    public static IReadOnlyList<Change> Since(
        RootedDirectory root, Dictionary<string, FileStamp> before, Func<string, bool> isExcluded, CancellationToken cancellationToken)
    {
        var changes = new LiveChanges(root, before);
        var directories = new HashSet<string>(StringComparer.Ordinal) { "" };
        var seen = new HashSet<string>(before.Count, StringComparer.Ordinal);
        foreach (var (path, stamp) in root.Stamps(isExcluded))
        {
            cancellationToken.ThrowIfCancellationRequested();
            seen.Add(path);
            if (stamp.Kind == FileKind.Directory)
                directories.Add(path);
            if (changes.IsChanged(path, stamp))
                changes.At(path).IsChanged = true;
        }
        foreach (var path in before.Keys.Where(path => !seen.Contains(path)))
        {
            // Only the uppermost of what was deleted, and nothing below what is no directory any more.
            var parent = path[..path.LastIndexOf('/')];
            if (directories.Contains(parent))
                changes.At(path).IsDeleted = true;
        }
        return changes.Read(changes._changes, "");
    }

    // Times of directories change with what is made in them and removed again, and are not kept in layers.
    private bool IsChanged(string path, FileStamp stamp) => stamp.Kind != FileKind.Socket && (!_before.TryGetValue(path, out var before)
        || (stamp.Kind == FileKind.Directory ? (before.Kind, before.Mode, before.Owner) != (stamp.Kind, stamp.Mode, stamp.Owner) : before != stamp));

    private Node At(string path)
    {
        var node = _changes;
        foreach (var part in path[1..].Split('/'))
            node = node.Child(part);
        return node;
    }

    private List<Change> Read(Node node, string path)
    {
        var changes = new List<Change>();
        foreach (var child in node.Children.Values)
        {
            var at = $"{path}/{child.Name}";
            if (child.IsDeleted)
            {
                changes.Add(new Change(at, new FileEntry(child.Name, FileKind.CharacterDevice, 0, default, 0, default)) { IsWhiteout = true });
                continue;
            }
            if (child.Name.StartsWith(WhiteoutPrefix, StringComparison.Ordinal))
                throw new SandboxException($"the file {at} cannot be kept: in a layer, names that begin with '.wh.' mean deletion; give it another name");
            if (_root.Stat(at, followLinks: false) is { Kind: not FileKind.Socket } entry)
                changes.Add(new Change(at, entry) { Xattrs = UpperTree.Kept(_root.GetXattrs(at)), Children = entry.IsDirectory ? Read(child, at) : [] });
        }
        return changes;
    }

    private sealed class Node(string name)
    {
        public string Name { get; } = name;

        public bool IsChanged { get; set; }

        public bool IsDeleted { get; set; }

        public SortedDictionary<byte[], Node> Children { get; } = new(Comparer<byte[]>.Create(static (a, b) => a.AsSpan().SequenceCompareTo(b)));

        public Node Child(string child)
        {
            var key = BytePath.Encode(child);
            if (!Children.TryGetValue(key, out var node))
                Children[key] = node = new Node(child);
            return node;
        }
    }
}
