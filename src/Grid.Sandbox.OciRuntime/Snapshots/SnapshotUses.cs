using Grid.Oci;
using Grid.Oci.FileSystem;

namespace Grid.Sandbox.OciRuntime.Snapshots;

/// <summary>
/// Who uses which unpacked layers: how many sandboxes of this process, and when one last did, by the time of a file for each layer that outlives the process.
/// The layer's own directory cannot tell: its times are the image's.
/// </summary>
/// <param name="directory">Holds the files.</param>
/// <param name="isShared">Whether another living process uses the unpacked layers too: then nothing can be removed.</param>
internal sealed class SnapshotUses(string directory, Func<bool> isShared)
{
    private static readonly TimeSpan Resolution = TimeSpan.FromMinutes(10);
    private readonly Lock _lock = new();
    private readonly Dictionary<Digest, int> _counts = [];

    /// <summary>From now on these are in use, until the result is disposed.</summary>
    public IDisposable Begin(IReadOnlyList<Digest> chains)
    {
        lock (_lock)
        {
            foreach (var chain in chains)
                _counts[chain] = _counts.GetValueOrDefault(chain) + 1;
        }
        foreach (var chain in chains)
            Note(chain.Hex);
        return new Use(this, chains);
    }

    /// <summary>Removes a layer by <paramref name="remove"/> unless it is in use.</summary>
    public bool TryRemove(Digest chain, Func<bool> remove)
    {
        lock (_lock)
        {
            if (_counts.ContainsKey(chain) || isShared() || !remove())
                return false;
        }
        File.Delete(FileOf(chain.Hex));
        return true;
    }

    /// <summary>Size and last use of a layer's directory; null when it goes away meanwhile.</summary>
    public UnpackedLayer? Describe(string layer)
    {
        var name = Path.GetFileName(layer);
        var file = new FileInfo(FileOf(name));
        if (!file.Exists)
        {
            // Made by a version that did not note uses.
            Note(name);
            file.Refresh();
        }
        if (file.Length == 0 && SizeOf(layer) is { } size)
        {
            var used = file.LastWriteTimeUtc;
            File.WriteAllText(file.FullName, size.ToString(System.Globalization.CultureInfo.InvariantCulture));
            File.SetLastWriteTimeUtc(file.FullName, used);
        }
        return long.TryParse(File.ReadAllText(file.FullName), out var bytes) ? new UnpackedLayer(name, bytes, new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero)) : null;
    }

    private void Note(string name)
    {
        var now = TimeProvider.System.GetUtcNow().UtcDateTime;
        var file = new FileInfo(FileOf(name));
        if (!file.Exists)
            File.WriteAllBytes(file.FullName, []);
        else if (now - file.LastWriteTimeUtc > Resolution)
            File.SetLastWriteTimeUtc(file.FullName, now);
    }

    private string FileOf(string name) => Path.Combine(directory, name);

    /// <summary>Bytes of the files below; computed once, for a layer never changes.</summary>
    private static long? SizeOf(string layer)
    {
        try
        {
            return new RootedDirectory(layer).Walk().Where(entry => entry.Entry.IsFile).Sum(entry => entry.Entry.Size);
        }
        catch (IOException)
        {
            return null;
        }
    }

    private void End(IReadOnlyList<Digest> chains)
    {
        lock (_lock)
        {
            foreach (var chain in chains)
            {
                if (--_counts[chain] == 0)
                    _counts.Remove(chain);
            }
        }
    }

    private sealed class Use(SnapshotUses uses, IReadOnlyList<Digest> chains) : IDisposable
    {
        private int _ended;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _ended, 1) == 0)
                uses.End(chains);
        }
    }
}

/// <summary>Unpacked layers that are in use.</summary>
/// <param name="Directories">Their directories, bottom first.</param>
/// <param name="Chain">The chain they make.</param>
/// <param name="Use">Ends the use.</param>
internal sealed record Snapshot(IReadOnlyList<string> Directories, Digest Chain, IDisposable Use) : IDisposable
{
    public void Dispose() => Use.Dispose();
}
