using System.Security.Cryptography;

namespace Grid.Oci.Images;

/// <summary>
/// Passes a blob through and checks it: reading throws <see cref="BlobMismatchException"/> instead of giving out the last bytes of a blob with
/// another digest, or any byte beyond its size, or an end before it. Who copies to a file therefore never finishes with wrong bytes.
/// </summary>
/// <param name="inner">The blob's bytes; closed with this stream.</param>
/// <param name="expected">What they must be.</param>
/// <param name="source">Where they come from, for messages.</param>
public sealed class VerifyingStream(Stream inner, Descriptor expected, string source) : Stream
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private long _count;
    private bool _verified;

    /// <inheritdoc/>
    public override bool CanRead => true;

    /// <inheritdoc/>
    public override bool CanSeek => false;

    /// <inheritdoc/>
    public override bool CanWrite => false;

    /// <inheritdoc/>
    public override long Length => expected.Size;

    /// <inheritdoc/>
    public override long Position
    {
        get => _count;
        set => throw new NotSupportedException("a blob is read from start to end");
    }

    /// <inheritdoc/>
    public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    /// <inheritdoc/>
    public override int Read(Span<byte> buffer)
    {
        if (buffer.IsEmpty)
            return 0;
        var read = inner.Read(buffer);
        Account(buffer[..read]);
        return read;
    }

    /// <inheritdoc/>
    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    /// <inheritdoc/>
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.IsEmpty)
            return 0;
        var read = await inner.ReadAsync(buffer, cancellationToken);
        Account(buffer.Span[..read]);
        return read;
    }

    /// <inheritdoc/>
    public override void Flush() { }

    /// <inheritdoc/>
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("a blob is read from start to end");

    /// <inheritdoc/>
    public override void SetLength(long value) => throw new NotSupportedException("a blob is read only");

    /// <inheritdoc/>
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("a blob is read only");

    /// <inheritdoc/>
    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
            _hash.Dispose();
        }
        base.Dispose(disposing);
    }

    private void Account(ReadOnlySpan<byte> bytes)
    {
        _count += bytes.Length;
        if (_count > expected.Size)
            throw new BlobMismatchException(
                $"blob {expected.Digest} from {source} is longer than the {expected.Size} bytes of its descriptor");
        _hash.AppendData(bytes);
        if (bytes.IsEmpty && _count < expected.Size)
            throw new BlobMismatchException($"blob {expected.Digest} from {source} ended after {_count} of {expected.Size} bytes");
        if (_count < expected.Size || _verified)
            return;
        Span<byte> hash = stackalloc byte[32];
        _hash.GetHashAndReset(hash);
        var actual = Digest.FromSha256(hash);
        if (actual != expected.Digest)
            throw new BlobMismatchException($"blob {expected.Digest} from {source} has other content: its digest is {actual}");
        _verified = true;
    }
}
