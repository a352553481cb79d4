using System.Security.Cryptography;
using Grid.Lifecycle.Restore;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Oci.Layers;
using Grid.Oci.Layouts;

namespace Grid.Lifecycle.Cache;

/// <summary>
/// A cache directory, as the reference lifecycle keeps it: <c>committed/</c> holds a JSON file and, for each layer, its plain tar named
/// <c>&lt;diff ID&gt;.tar</c>. A new state is made in <c>staging/</c>; then the directories change places, the old one waiting in <c>committed-backup/</c> until that is
/// done.
/// </summary>
public sealed class DirectoryCache(string directory) : ILayerCache, IBlobSource
{
    private readonly string _committed = Path.Combine(directory, "committed");
    private readonly string _staging = Path.Combine(directory, "staging");
    private readonly string _backup = Path.Combine(directory, "committed-backup");

    /// <inheritdoc/>
    public async Task<CacheContents> ReadAsync(IPhaseLog log, CancellationToken cancellationToken)
    {
        try
        {
            Recover();
            var text = await File.ReadAllTextAsync(Path.Combine(_committed, CacheLabel.Name), cancellationToken);
            var metadata = CacheLabel.Read(text, Find, out var problem);
            if (problem is not null)
                log.Warn($"Cache directory {directory}: {problem}");
            return metadata is null ? CacheContents.Empty : new CacheContents(metadata, this);
        }
        catch (Exception e) when (e is DirectoryNotFoundException or FileNotFoundException)
        {
            log.Info("Layer cache not found");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            log.Warn($"Cache directory {directory} cannot be read and is ignored: {e.Message}");
        }
        return CacheContents.Empty;
    }

    /// <inheritdoc/>
    public Task<Stream> OpenAsync(Descriptor blob, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var path = PathIn(_committed, blob.Digest);
        try
        {
            return Task.FromResult<Stream>(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, bufferSize: 0));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BlobNotFoundException($"failed to read cache layer with SHA '{blob.Digest}': {e.Message}");
        }
    }

    /// <inheritdoc/>
    public async Task WriteAsync(CacheMetadata metadata, IBlobSource blobs, CancellationToken cancellationToken)
    {
        try
        {
            Recover();
            Remove(_staging);
            Directory.CreateDirectory(_staging);
            foreach (var layer in metadata.AllLayers().DistinctBy(layer => layer.DiffId))
            {
                if (!await TryReuseAsync(layer.DiffId, cancellationToken))
                    await WriteTarAsync(layer, blobs, cancellationToken);
            }
            await File.WriteAllTextAsync(Path.Combine(_staging, CacheLabel.Name), CacheLabel.Write(metadata) + "\n", cancellationToken);
            Commit();
        }
        catch (UnauthorizedAccessException e)
        {
            throw new IOException($"cannot write the cache directory {directory}: {e.Message}", e);
        }
    }

    private Layer? Find(Digest diffId) =>
        new FileInfo(PathIn(_committed, diffId)) is { Exists: true } file ? new Layer(new Descriptor(MediaTypes.OciLayer, diffId, file.Length), diffId) : null;

    // The tar of the last build is linked when it still is what its name says.
    private async Task<bool> TryReuseAsync(Digest diffId, CancellationToken cancellationToken)
    {
        var path = PathIn(_committed, diffId);
        try
        {
            await using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0))
            {
                if (Digest.FromSha256(await SHA256.HashDataAsync(file, cancellationToken)) != diffId)
                    return false;
            }
            return HardLink.TryCreate(path, PathIn(_staging, diffId));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Not there, or not readable: it is written anew.
            return false;
        }
    }

    private async Task WriteTarAsync(Layer layer, IBlobSource blobs, CancellationToken cancellationToken)
    {
        await using var blob = await blobs.OpenAsync(layer.Blob, cancellationToken);
        await using var tar = LayerReader.Decompress(blob, layer.Blob.MediaType);
        await using var file = new FileStream(PathIn(_staging, layer.DiffId), FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        await tar.CopyToAsync(file, 1 << 18, cancellationToken);
    }

    private void Commit()
    {
        if (Directory.Exists(_committed))
            Directory.Move(_committed, _backup);
        try
        {
            Directory.Move(_staging, _committed);
        }
        catch (IOException)
        {
            Recover();
            throw;
        }
        Remove(_backup);
    }

    // A writer that died between the two moves left the last state in the backup; one that died after them left a backup nobody needs.
    private void Recover()
    {
        if (!Directory.Exists(_backup))
            return;
        if (Directory.Exists(_committed))
            Remove(_backup);
        else
            Directory.Move(_backup, _committed);
    }

    private static void Remove(string path)
    {
        if (Directory.Exists(path))
            Directory.Delete(path, recursive: true);
    }

    private static string PathIn(string parent, Digest diffId) => Path.Combine(parent, diffId + ".tar");
}
