using Microsoft.Win32.SafeHandles;

namespace Grid.Oci.FileSystem;

// Looks at whole trees: many files, few bytes for each.
public sealed partial class RootedDirectory
{
    /// <summary>
    /// Stamps of all there is below the root, depth first, parents before what they hold, siblings in byte order. Paths are absolute. An excluded path is left out with
    /// all below it; links are not followed.
    /// </summary>
    public IEnumerable<(string Path, FileStamp Stamp)> Stamps(Func<string, bool> isExcluded)
    {
        using var top = Open("/", OpenFlags.ReadOnly | OpenFlags.Directory, "walk");
        var pending = new Stack<(string Directory, List<(string Name, FileStamp Stamp)> Entries, int Next)>();
        pending.Push(("", ReadStamps(top, "", isExcluded), 0));
        while (pending.TryPop(out var level))
        {
            if (level.Next == level.Entries.Count)
                continue;
            pending.Push(level with { Next = level.Next + 1 });
            var (name, stamp) = level.Entries[level.Next];
            var path = $"{level.Directory}/{name}";
            yield return (path, stamp);
            if (stamp.Kind == FileKind.Directory)
                pending.Push((path, ReadStamps(top, path, isExcluded), 0));
        }
    }

    private static List<(string Name, FileStamp Stamp)> ReadStamps(SafeFileHandle top, string path, Func<string, bool> isExcluded)
    {
        var relative = path.Length == 0 ? "." : path[1..];
        var error = Posix.TryOpen(top, Posix.Name(relative), OpenFlags.ReadOnly | OpenFlags.Directory, 0, Resolve.InRoot | Resolve.NoSymbolicLinks, out var directory);
        if (error is Errno.NoEntry or Errno.NotDirectory)
            return []; // deleted since it was listed
        if (error != 0)
            throw Posix.Error(error, "list", path);
        using (directory)
        {
            var entries = new List<(string Name, FileStamp Stamp)>();
            foreach (var name in Posix.ListNames(directory, path))
            {
                var text = Posix.Text(name);
                if (!isExcluded($"{path}/{text}") && Posix.TryStat(directory, name, out var status) == 0)
                    entries.Add((text, StampOf(status)));
            }
            return entries;
        }
    }

    private static FileStamp StampOf(in Native.StatXBuffer status) => new(
        Posix.Kind(status.Mode), status.Mode & ModeBits.Permissions, new Owner((int)status.UserId, (int)status.GroupId), (long)status.Size,
        ((ulong)status.FileSystemMajor << 32) | status.FileSystemMinor, status.Inode, status.ChangeTime.Seconds, status.ChangeTime.Nanoseconds);
}
