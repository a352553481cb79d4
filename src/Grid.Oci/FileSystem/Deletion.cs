using Microsoft.Win32.SafeHandles;

namespace Grid.Oci.FileSystem;

/// <summary>Removes a tree by names in open directories: a link is removed, never followed, also when somebody swaps it in meanwhile.</summary>
internal static class Deletion
{
    // Below this depth a directory is moved up first, so that a hostile nesting exhausts neither descriptors nor the stack.
    private const int MaxDepth = 64;

    /// <summary>Removes what the name stands for; nothing there is no error.</summary>
    internal static void Delete(SafeFileHandle parent, byte[] name, string path)
    {
        var error = Posix.Result(Native.UnlinkAt(parent, name, 0));
        if (error is 0 or Errno.NoEntry)
            return;
        if (error != Errno.IsDirectory)
            throw Posix.Error(error, "delete", path);
        var moved = new Counter();
        do
        {
            // Opened anew for each round: a directory that was read to its end gives no more names.
            error = Posix.TryOpenChild(parent, name, OpenFlags.ReadOnly | OpenFlags.Directory, 0, out var top);
            if (error != 0)
                throw Posix.Error(error, "delete", path);
            moved.Restart();
            using (top)
                Empty(top, top, moved, 0, path);
        }
        while (moved.Any);
        RemoveEmpty(parent, name, path);
    }

    private static void Empty(SafeFileHandle directory, SafeFileHandle top, Counter moved, int depth, string path)
    {
        foreach (var name in Posix.ListNames(directory, path))
        {
            var error = Posix.Result(Native.UnlinkAt(directory, name, 0));
            if (error is 0 or Errno.NoEntry)
                continue;
            var below = $"{path}/{Posix.Text(name)}";
            if (error != Errno.IsDirectory)
                throw Posix.Error(error, "delete", below);
            if (Posix.Result(Native.UnlinkAt(directory, name, AtFlags.RemoveDirectory)) is 0 or Errno.NoEntry)
                continue;
            if (depth == MaxDepth)
                Posix.Check(Native.RenameAt(directory, name, top, moved.NextName()), "move up for deletion", below);
            else
                EmptyChild(directory, name, top, moved, depth, below);
        }
    }

    private static void EmptyChild(SafeFileHandle directory, byte[] name, SafeFileHandle top, Counter moved, int depth, string path)
    {
        var error = Posix.TryOpenChild(directory, name, OpenFlags.ReadOnly | OpenFlags.Directory, 0, out var child);
        if (error != 0)
            throw Posix.Error(error, "delete", path);
        using (child)
            Empty(child, top, moved, depth + 1, path);
        RemoveEmpty(directory, name, path);
    }

    private static void RemoveEmpty(SafeFileHandle parent, byte[] name, string path)
    {
        var error = Posix.Result(Native.UnlinkAt(parent, name, AtFlags.RemoveDirectory));
        if (error is not (0 or Errno.NoEntry))
            throw Posix.Error(error, "delete the directory", path);
    }

    /// <summary>Names for directories that were moved up, and whether there are any.</summary>
    private sealed class Counter
    {
        private readonly string _prefix = $".grid-deleted-{Guid.NewGuid():n}-";
        private int _round;
        private int _count;

        internal bool Any { get; private set; }

        internal void Restart() => (Any, _round) = (false, _round + 1);

        internal byte[] NextName()
        {
            Any = true;
            return Posix.Name($"{_prefix}{_round}-{_count++}");
        }
    }
}
