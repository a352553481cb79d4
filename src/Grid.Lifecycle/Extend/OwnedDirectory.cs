using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Extend;

/// <summary>
/// A directory of this process. Beside it is a file that the process keeps locked for as long as it lives; the kernel drops the lock when it dies, so
/// that whoever comes next can tell the directory of a dead process from a living one's, in whatever process-id namespace that is.
/// </summary>
internal sealed class OwnedDirectory : IDisposable
{
    private const string LockSuffix = ".lock";
    private readonly FileStream _lock;

    private OwnedDirectory(string path, FileStream held) => (Path, _lock) = (path, held);

    public string Path { get; }

    /// <summary>Makes one, which others can enter but not list.</summary>
    public static OwnedDirectory Make(string parent, string prefix)
    {
        while (true)
        {
            var path = System.IO.Path.Combine(parent, prefix + Guid.NewGuid().ToString("n"));
            // Locked before there is anything to remove. Somebody who looks for dead owners in between has it locked, and this one is given up.
            if (TryLock(path + LockSuffix, FileMode.CreateNew) is not { } held)
                continue;
            Directory.CreateDirectory(path);
            File.SetUnixFileMode(path, (UnixFileMode)0b111_001_001);
            return new OwnedDirectory(path, held);
        }
    }

    /// <summary>Removes the directories of dead processes; those of another user are left to him.</summary>
    public static void RemoveDead(string parent, string prefix)
    {
        foreach (var file in Directory.GetFiles(parent, prefix + "*" + LockSuffix))
        {
            using var held = TryLock(file, FileMode.Open);
            if (held is not null)
                Remove(file[..^LockSuffix.Length]);
        }
    }

    public void Dispose()
    {
        Remove(Path);
        _lock.Dispose();
    }

    // What a command left in its copy of a directory may be hostile: names of any bytes, links to anywhere. The lock goes last.
    private static void Remove(string path)
    {
        var parent = new RootedDirectory(System.IO.Path.GetDirectoryName(path)!);
        parent.Delete("/" + System.IO.Path.GetFileName(path));
        parent.Delete("/" + System.IO.Path.GetFileName(path) + LockSuffix);
    }

    private static FileStream? TryLock(string path, FileMode mode)
    {
        try
        {
            return new FileStream(path, mode, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is UnauthorizedAccessException || (e is IOException and not DirectoryNotFoundException && (mode == FileMode.Open || File.Exists(path))))
        {
            return null;
        }
    }
}
