using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Grid.Oci.FileSystem;
using Grid.Oci.Images;

namespace Grid.Oci.Content;

/// <summary>
/// A blob being written: it is hashed on the way, and <see cref="Commit"/> puts it into the store under its digest. Disposing without
/// committing leaves nothing. Not safe for concurrent use.
/// </summary>
[SuppressMessage("Naming", "CA1710", Justification = "It is a writer first; that it is a stream is how one writes.")]
public sealed class BlobWriter : Stream
{
    private readonly ContentStore _store;
    private readonly string _path;
    private readonly FileStream _file;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _length;
    private long _reserved;
    private bool _committed;

    internal BlobWriter(ContentStore store)
    {
        _store = store;
        _path = Path.Combine(store.Ingest, Guid.NewGuid().ToString("n"));
        _file = Guard(() => new FileStream(_path, FileMode.CreateNew, FileAccess.Write, FileShare.Read, bufferSize: 0));
    }

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => !_committed;

    /// <summary>Bytes written so far.</summary>
    public override long Length => _length;

    public override long Position
    {
        get => _length;
        set => throw new NotSupportedException("a blob is written from start to end");
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        ObjectDisposedException.ThrowIf(_committed, this);
        _store.Reserve(buffer.Length);
        _reserved += buffer.Length;
        _hash.AppendData(buffer);
        try
        {
            _file.Write(buffer);
        }
        catch (IOException e) when (e.HResult is Errno.NoSpace or Errno.Quota)
        {
            throw DiskFull(e);
        }
        _length += buffer.Length;
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override Task WriteAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Write(buffer.AsSpan(offset, count));
        return Task.CompletedTask;
    }

    public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Write(buffer.Span);
        return ValueTask.CompletedTask;
    }

    /// <summary>
    /// Ends the blob and moves it to its place; when the store has it already, ours is dropped. Content that is not what was expected
    /// throws <see cref="InvalidDataException"/> and leaves nothing.
    /// </summary>
    public Descriptor Commit(string mediaType, Digest? expected = null, long? expectedSize = null)
    {
        ObjectDisposedException.ThrowIf(_committed, this);
        var digest = Digest.FromSha256(_hash.GetCurrentHash());
        if (expectedSize is { } size && size != _length)
            throw new InvalidDataException($"the blob {expected ?? digest} has {_length} bytes instead of the {size} its descriptor promises");
        if (expected is { } wanted && wanted != digest)
            throw new InvalidDataException($"the content of the blob {wanted} has the digest {digest}: it was damaged or replaced on the way");
        _file.Dispose();
        var target = _store.PathOf(digest);
        if (_store.IsVerified(digest, _length))
        {
            File.Delete(_path);
            _store.Release(_reserved);
        }
        else
        {
            Guard(() => File.Move(_path, target, overwrite: true));
        }
        _committed = true;
        _store.Verified(digest);
        return new Descriptor(mediaType, digest, _length);
    }

    public override void Flush()
    {
        // Nothing is buffered here.
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("a blob writer cannot be read");

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("a blob is written from start to end");

    public override void SetLength(long value) => throw new NotSupportedException("a blob is written from start to end");

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _file.Dispose();
            _hash.Dispose();
            if (!_committed)
            {
                File.Delete(_path);
                _store.Release(_reserved);
                _reserved = 0;
            }
        }
        base.Dispose(disposing);
    }

    private void Guard(Action action) => Guard(() =>
    {
        action();
        return 0;
    });

    private T Guard<T>(Func<T> action)
    {
        try
        {
            return action();
        }
        catch (IOException e) when (e.HResult is Errno.NoSpace or Errno.Quota)
        {
            throw DiskFull(e);
        }
    }

    private IOException DiskFull(IOException reason) =>
        new($"the disk of the content store {_store.Root} is full: free space or move the store ({reason.Message})", reason);
}
