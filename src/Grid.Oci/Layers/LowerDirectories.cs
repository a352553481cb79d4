using Grid.Oci.FileSystem;

namespace Grid.Oci.Layers;

/// <summary>
/// The unpacked layers below one, merged as overlayfs does it: where a layer lacks a parent directory or the target of a hard link, the
/// layers below may have it.
/// </summary>
internal sealed class LowerDirectories(IReadOnlyList<string> directories)
{
    internal const string OpaqueTrusted = "trusted.overlay.opaque";
    internal const string OpaqueUser = "user.overlay.opaque";

    private readonly RootedDirectory[] _lowers = [.. directories.Select(d => new RootedDirectory(d))];

    /// <summary>What is at a path (its parts are names, no "." or ".."), not following any link; null when nothing is or a whiteout hides it.</summary>
    internal (RootedDirectory Lower, FileEntry Entry)? Find(string path)
    {
        var candidates = _lowers.ToList();
        var prefix = "";
        (RootedDirectory, FileEntry)? found = null;
        foreach (var part in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            prefix += "/" + part;
            found = Step(candidates, prefix);
            if (found is null)
                return null;
        }
        return found;
    }

    /// <summary>All names the layers have in their roots, whiteouts left out.</summary>
    internal IEnumerable<string> RootNames() =>
        _lowers.SelectMany(l => l.List("/")).Where(e => !IsWhiteout(e)).Select(e => e.Name).Distinct(StringComparer.Ordinal);

    /// <summary>Looks one level deeper and leaves only the layers whose directories are merged there.</summary>
    private static (RootedDirectory, FileEntry)? Step(List<RootedDirectory> candidates, string path)
    {
        (RootedDirectory, FileEntry)? found = null;
        var merged = new List<RootedDirectory>();
        foreach (var lower in candidates)
        {
            if (lower.Stat(path, followLinks: false) is not { } entry)
                continue;
            if (!entry.IsDirectory)
            {
                if (found is null && !IsWhiteout(entry))
                    found = (lower, entry);
                break;
            }
            found ??= (lower, entry);
            merged.Add(lower);
            if (IsOpaque(lower, path))
                break;
        }
        candidates.Clear();
        candidates.AddRange(merged);
        return found;
    }

    private static bool IsWhiteout(FileEntry entry) => entry is { Kind: FileKind.CharacterDevice, Device: (0, 0) };

    private static bool IsOpaque(RootedDirectory lower, string path) =>
        lower.GetXattrs(path) is { } xattrs &&
        (IsYes(xattrs.GetValueOrDefault(OpaqueTrusted)) || IsYes(xattrs.GetValueOrDefault(OpaqueUser)));

    private static bool IsYes(byte[]? value) => value is [(byte)'y'];
}
