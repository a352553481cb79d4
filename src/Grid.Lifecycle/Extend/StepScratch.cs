using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Extend;

/// <summary>
/// Files of this process that RUN steps have mounted while they run: secrets and copies of the context in memory, scripts on the disk (memory is often mounted so that
/// nothing in it can be executed). What a killed process leaves, the next one removes with <see cref="RemoveDead"/>.
/// </summary>
public sealed class StepScratch : IDisposable
{
    private const string MountPrefix = "grid-mounts-", ScriptPrefix = "grid-scripts-";
    private readonly Lazy<OwnedDirectory> _memory = new(() => OwnedDirectory.Make(Memory, MountPrefix));
    private readonly Lazy<OwnedDirectory> _disk = new(() => OwnedDirectory.Make(Path.GetTempPath(), ScriptPrefix));

    /// <summary>In memory where the machine allows it: a secret must not get onto a disk.</summary>
    private static string Memory => Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath();

    /// <summary>Removes what dead processes of this user left.</summary>
    public static void RemoveDead()
    {
        OwnedDirectory.RemoveDead(Memory, MountPrefix);
        OwnedDirectory.RemoveDead(Path.GetTempPath(), ScriptPrefix);
    }

    public void Dispose()
    {
        foreach (var made in new[] { _memory, _disk }.Where(directory => directory.IsValueCreated))
            made.Value.Dispose();
    }

    /// <summary>A new directory in memory that nobody else can look into.</summary>
    internal string MakeDirectory() => Directory.CreateDirectory(
        Path.Combine(_memory.Value.Path, Path.GetRandomFileName()), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;

    /// <summary>A file that everybody can read and execute.</summary>
    internal string MakeScript(ReadOnlySpan<byte> content)
    {
        var name = "/" + Path.GetRandomFileName();
        new RootedDirectory(_disk.Value.Path).WriteFile(name, content, 0b111_101_101);
        return _disk.Value.Path + name;
    }
}
