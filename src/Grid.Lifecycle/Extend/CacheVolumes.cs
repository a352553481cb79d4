using System.Text;
using Grid.Dockerfiles.Planning;
using Grid.Oci;
using Grid.Oci.FileSystem;

namespace Grid.Lifecycle.Extend;

/// <summary>
/// Directories of this node for RUN --mount=type=cache: they outlive builds and are shared by the steps of one scope, never by two scopes. What is in
/// them is no input and no output of a step. Names come from hashes, so no id of a tenant leads anywhere else.
/// </summary>
/// <param name="directory">Where they are.</param>
public sealed class CacheVolumes(string directory)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, SemaphoreSlim> _locked = new(StringComparer.Ordinal);
    private readonly HashSet<string> _private = new(StringComparer.Ordinal);

    /// <summary>A volume for one mount, until it is disposed. Waits while another step has it and the mount is <c>locked</c>.</summary>
    internal async Task<CacheVolume> OpenAsync(string scope, RunMount mount, CancellationToken cancellationToken)
    {
        var name = $"{Digest.Compute(Encoding.UTF8.GetBytes(scope)).Hex[..32]}/{mount.StoreName()}";
        switch (mount.Sharing)
        {
            case CacheSharing.Locked:
                var gate = Gate(name);
                await gate.WaitAsync(cancellationToken);
                return new CacheVolume(Make(name, mount), () => gate.Release());
            case CacheSharing.Private:
                var own = Free(name);
                return new CacheVolume(Make(own, mount), () => Return(own));
            default:
                return new CacheVolume(Make(name, mount), () => { });
        }
    }

    private SemaphoreSlim Gate(string name)
    {
        lock (_lock)
            return _locked.TryGetValue(name, out var gate) ? gate : _locked[name] = new SemaphoreSlim(1);
    }

    /// <summary>The first of the volume's copies that nobody uses: one step after the other finds what the last one left.</summary>
    private string Free(string name)
    {
        lock (_lock)
        {
            var number = 0;
            while (!_private.Add($"{name}-{number}"))
                number++;
            return $"{name}-{number}";
        }
    }

    private void Return(string name)
    {
        lock (_lock)
            _private.Remove(name);
    }

    private string Make(string name, RunMount mount)
    {
        var path = Path.Combine(directory, name);
        lock (_lock)
        {
            if (Directory.Exists(path))
                return path;
            Directory.CreateDirectory(directory);
            // Whoever uses the machine has no business in what tenants keep here.
            File.SetUnixFileMode(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            new RootedDirectory(directory).CreateDirectory("/" + name, mount.Mode ?? 0b111_101_101, new Owner(mount.UserId ?? 0, mount.GroupId ?? 0));
            return path;
        }
    }
}

/// <summary>A cache volume in use.</summary>
internal sealed class CacheVolume(string path, Action release) : IDisposable
{
    /// <summary>Its directory on the host.</summary>
    public string Path => path;

    public void Dispose() => release();
}
