using Grid.Sandbox.OciRuntime.Snapshots;

namespace Grid.Sandbox.OciRuntime.Bundles;

/// <summary>
/// A directory in memory for one container whose environment holds a secret: the environment stands in config.json, which crun copies to its own state besides. Where
/// the machine has no /dev/shm it is one for temporary files.
/// </summary>
internal sealed class MemoryDirectory : IDisposable
{
    private const string Prefix = "grid-bundle-";

    private MemoryDirectory(string path) => Path = path;

    public string Path { get; }

    private static string Place => Directory.Exists("/dev/shm") ? "/dev/shm" : System.IO.Path.GetTempPath();

    /// <summary>Makes one that nobody else can look into.</summary>
    /// <param name="owner">This process's name in the state directory, by which what it leaves when it is killed is found.</param>
    public static MemoryDirectory Make(string owner) => new(Directory.CreateDirectory(
        System.IO.Path.Combine(Place, $"{Prefix}{owner}-{Guid.NewGuid():n}"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName);

    /// <summary>Removes those of a process that is dead.</summary>
    public static void RemoveOf(string owner)
    {
        foreach (var left in Directory.GetDirectories(Place, $"{Prefix}{owner}-*"))
            Trash.Delete(left);
    }

    public void Dispose() => Trash.Delete(Path);
}
