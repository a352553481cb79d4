using Grid.Oci;
using Grid.Oci.Content;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Sandbox.OciRuntime.Linux;

namespace Grid.Sandbox.OciRuntime.Snapshots;

/// <summary>
/// Unpacked layers, one directory each, named by the chain they end. A directory with its final name is complete: layers are unpacked beside
/// and renamed, so processes that share the store need no lock, and the first one wins.
/// </summary>
internal sealed class SnapshotStore
{
    private readonly ContentStore _content;
    private readonly string _directory;
    private readonly string _temporary;
    private readonly Lock _gate = new();
    private readonly Dictionary<Digest, Task> _running = [];
    private readonly SnapshotUses _uses;

    /// <param name="content">Holds the layers' blobs.</param>
    /// <param name="directory">Holds the unpacked layers; shared.</param>
    /// <param name="temporary">Holds what is being unpacked; ours alone, on the same file system.</param>
    /// <param name="uses">Notes what is used.</param>
    public SnapshotStore(ContentStore content, string directory, string temporary, SnapshotUses uses)
    {
        _uses = uses;
        _content = content;
        _directory = directory;
        _temporary = temporary;
        Directory.CreateDirectory(directory);
        Directory.CreateDirectory(temporary);
    }

    /// <summary>
    /// Makes all layers present and answers their directories, bottom first, and the chain they make. They are in use until <see cref="Snapshot.Dispose"/>.
    /// </summary>
    public async Task<Snapshot> EnsureAsync(IReadOnlyList<Layer> layers, IBlobSource blobs, CancellationToken cancellationToken)
    {
        var chain = default(Digest);
        var chains = layers.Select(layer => chain = ChainId.Append(chain, layer.DiffId)).ToList();
        var uses = _uses.Begin(chains);
        try
        {
            return new Snapshot(await EnsureAsync(layers, chains, blobs, cancellationToken), chain, uses);
        }
        catch
        {
            uses.Dispose();
            throw;
        }
    }

    /// <summary>Layers by their directories; they are in use until the result is disposed.</summary>
    public IDisposable Hold(IReadOnlyList<string> directories) =>
        _uses.Begin([.. directories.Select(directory => Digest.TryParse("sha256:" + Path.GetFileName(directory), out var chain) ? chain : default).Where(chain => !chain.IsEmpty)]);

    /// <summary>All unpacked layers.</summary>
    public IReadOnlyList<UnpackedLayer> List() => [.. Directory.GetDirectories(_directory).Select(_uses.Describe).OfType<UnpackedLayer>()];

    /// <summary>Removes an unpacked layer that is not in use; says whether it did.</summary>
    public bool TryRemove(string name)
    {
        if (!Digest.TryParse("sha256:" + name, out var chain))
            return false;
        var doomed = Path.Combine(_temporary, Guid.NewGuid().ToString("n"));
        if (!_uses.TryRemove(chain, () => Libc.TryRenameNew(PathOf(chain), doomed) == 0))
            return false;
        Trash.Delete(doomed);
        return true;
    }

    private async Task<List<string>> EnsureAsync(IReadOnlyList<Layer> layers, List<Digest> chains, IBlobSource blobs, CancellationToken cancellationToken)
    {
        // Blobs come all at once while the lowest is being unpacked; unpacking itself needs what is below.
        var missing = Enumerable.Range(0, layers.Count).Where(i => !Exists(chains[i])).ToList();
        var fetches = missing.ToDictionary(i => i, i => _content.EnsureAsync(layers[i].Blob, blobs, cancellationToken));
        var directories = new List<string>();
        try
        {
            for (var i = 0; i < layers.Count; i++)
            {
                if (fetches.TryGetValue(i, out var fetch))
                {
                    await fetch;
                    await UnpackOnceAsync(chains[i], layers[i], directories, cancellationToken);
                }
                directories.Add(PathOf(chains[i]));
            }
        }
        catch
        {
            // The first failure is the one to tell; the others must not stay unobserved.
            await Task.WhenAll(fetches.Values).ContinueWith(static done => _ = done.Exception, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
            throw;
        }
        return directories;
    }

    /// <summary>Takes a finished directory as the layer that ends a chain; when there is one already, that stays.</summary>
    public void Adopt(string directory, Digest chain)
    {
        var errno = Libc.TryRenameNew(directory, PathOf(chain));
        if (errno is not (0 or Errno.Exists or Errno.NotEmpty))
            throw new SandboxException($"cannot keep the layer {PathOf(chain)}: {Libc.Failure("rename", errno).Message}");
    }

    private bool Exists(Digest chain) => Directory.Exists(PathOf(chain));

    private string PathOf(Digest chain) => Path.Combine(_directory, chain.Hex);

    /// <summary>Concurrent callers share one unpacking; one whose caller gave up is begun again by those who still want it.</summary>
    private async Task UnpackOnceAsync(Digest chain, Layer layer, List<string> below, CancellationToken cancellationToken)
    {
        while (!Exists(chain))
        {
            var (task, isMine) = Join(chain, () => UnpackAsync(chain, layer, Enumerable.Reverse(below).ToList(), cancellationToken));
            try
            {
                await task.WaitAsync(cancellationToken);
            }
            catch (OperationCanceledException) when (!isMine && !cancellationToken.IsCancellationRequested)
            {
            }
            finally
            {
                if (isMine)
                    Leave(chain);
            }
        }
    }

    private (Task Task, bool IsMine) Join(Digest chain, Func<Task> start)
    {
        lock (_gate)
        {
            if (_running.TryGetValue(chain, out var running))
                return (running, false);
            running = start();
            _running.Add(chain, running);
            return (running, true);
        }
    }

    private void Leave(Digest chain)
    {
        lock (_gate)
            _running.Remove(chain);
    }

    private async Task UnpackAsync(Digest chain, Layer layer, List<string> lowersTopFirst, CancellationToken cancellationToken)
    {
        var target = Path.Combine(_temporary, Guid.NewGuid().ToString("n"));
        Directory.CreateDirectory(target);
        Libc.ChangeMode(target, 0x1ED);
        try
        {
            await LayerUnpacker.UnpackAsync(_content, layer, target, lowersTopFirst, new LayerLimits(), cancellationToken);
            Adopt(target, chain);
        }
        finally
        {
            if (Directory.Exists(target))
                Trash.Delete(target);
        }
    }
}
