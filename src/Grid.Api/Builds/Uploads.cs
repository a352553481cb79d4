using System.Collections.Concurrent;
using Grid.Api.Problems;
using Grid.Contracts.Tenants;
using Grid.Oci;
using Grid.Oci.Content;

namespace Grid.Api.Builds;

/// <summary>Unfinished uploads of this node: files that grow, each of one tenant, until they are the blob their name promises.</summary>
public sealed class Uploads(ContentStore content, TieredContent shared, IGrainFactory grains, ApiOptions options, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, Task> _receiving = new(StringComparer.Ordinal);

    private string Directory { get; } = System.IO.Directory.CreateDirectory(Path.Combine(options.DataDirectory, "uploads")).FullName;

    /// <summary>
    /// Whether the tenant has sent this archive and it is still here: one that nobody used for long is collected, and has to be sent again. One that is here
    /// stays from now on as long as a build may need it.
    /// </summary>
    public async Task<bool> IsHereAsync(string tenant, Digest digest) =>
        await grains.GetGrain<IUploadGrain>($"{tenant}/{digest.Hex}").UseAsync() && await shared.HasAsync(digest, CancellationToken.None);

    /// <summary>Bytes that are here of an unfinished upload.</summary>
    public long Received(string tenant, Digest digest) => new FileInfo(PathOf(tenant, digest)) is { Exists: true } file ? file.Length : 0;

    /// <summary>Removes what nobody has sent more of for too long; says how many archives that were. One that is being received stays.</summary>
    public int RemoveUnfinished()
    {
        var removed = 0;
        foreach (var file in new DirectoryInfo(Directory).EnumerateFiles().Where(IsOver))
        {
            // As a request does: who sends the archive at this moment waits, and begins anew.
            var removing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (!_receiving.TryAdd(file.FullName, removing.Task))
                continue;
            try
            {
                file.Refresh();
                if (!file.Exists || !IsOver(file))
                    continue;
                file.Delete();
                removed++;
            }
            finally
            {
                _receiving.TryRemove(file.FullName, out _);
                removing.SetResult();
            }
        }
        return removed;
    }

    private bool IsOver(FileInfo file) => time.GetUtcNow() - new DateTimeOffset(file.LastWriteTimeUtc, TimeSpan.Zero) >= options.KeepUnfinishedUploads;

    /// <summary>
    /// Takes bytes from an offset to the end, unless the archive is here. What came before a broken connection stays. At the end the whole is verified, put into
    /// the content store and the tenant's. One request at a time writes an archive; who sends the same one meanwhile waits, and mostly need not send it any more.
    /// </summary>
    /// <exception cref="ApiException">Too large, another offset than what is here, or not the bytes the digest names.</exception>
    public async Task ReceiveAsync(string tenant, Digest digest, long offset, long total, Stream body, CancellationToken cancellationToken)
    {
        if (total <= 0 || total > options.MaxUploadBytes)
            throw new ApiException(ProblemCode.TooLarge, $"the archive has {total} bytes; 1 to {options.MaxUploadBytes} are accepted");
        var path = PathOf(tenant, digest);
        var received = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        while (_receiving.GetOrAdd(path, received.Task) is var first && first != received.Task)
            await first.WaitAsync(cancellationToken);
        try
        {
            if (await IsHereAsync(tenant, digest))
                return;
            await AppendAsync(path, offset, total, body, cancellationToken);
            await CommitAsync(path, digest, cancellationToken);
            await grains.GetGrain<IUploadGrain>($"{tenant}/{digest.Hex}").CompleteAsync(total);
        }
        finally
        {
            _receiving.TryRemove(path, out _);
            received.SetResult();
        }
    }

    private static async Task AppendAsync(string path, long offset, long total, Stream body, CancellationToken cancellationToken)
    {
        await using var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.Read, bufferSize: 0, useAsync: false);
        if (offset == 0)
            file.SetLength(0);
        if (offset != file.Length)
            throw new ApiException(ProblemCode.UploadMismatch, $"{file.Length} bytes are here, the request starts at {offset}; ask with HEAD and go on from there");
        file.Position = offset;
        var buffer = new byte[128 * 1024];
        int read;
        while ((read = await body.ReadAsync(buffer, cancellationToken)) > 0)
        {
            if (file.Position + read > total)
                throw new ApiException(ProblemCode.UploadMismatch, $"more bytes came than the {total} that were announced");
            file.Write(buffer.AsSpan(0, read));
        }
        if (file.Position < total)
            throw new ApiException(ProblemCode.UploadMismatch, $"{file.Position} of {total} bytes are here; go on with Upload-Offset: {file.Position}");
    }

    private async Task CommitAsync(string path, Digest digest, CancellationToken cancellationToken)
    {
        using var writer = content.CreateWriter();
        await using (var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0))
            await file.CopyToAsync(writer, 1024 * 1024, cancellationToken);
        File.Delete(path);
        try
        {
            writer.Commit("application/octet-stream", digest);
        }
        catch (InvalidDataException e)
        {
            throw new ApiException(ProblemCode.UploadMismatch, $"{e.Message}; send it again");
        }
        // The build may run anywhere.
        await shared.PublishAsync([digest], cancellationToken);
    }

    private string PathOf(string tenant, Digest digest) => Path.Combine(Directory, $"{tenant}-{digest.Hex}");
}
