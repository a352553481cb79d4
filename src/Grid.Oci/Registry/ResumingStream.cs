namespace Grid.Oci.Registry;

/// <summary>A download that goes on where it broke, and that does not wait forever for the next byte.</summary>
/// <param name="reopen">Opens the same bytes from an offset on.</param>
/// <param name="first">Opened at 0.</param>
/// <param name="size">How many bytes there are; an end before it is a break.</param>
/// <param name="idleTimeout">The longest wait for a byte.</param>
/// <param name="maxResumes">How many breaks without a byte between them are taken.</param>
internal sealed class ResumingStream(Func<long, CancellationToken, Task<Stream>> reopen, Stream first, long size, TimeSpan idleTimeout, int maxResumes) : Stream
{
    private Stream? _inner = first;
    private long _offset;
    private int _breaks;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => size;

    public override long Position
    {
        get => _offset;
        set => throw new NotSupportedException();
    }

    public override int Read(byte[] buffer, int offset, int count) =>
#pragma warning disable VSTHRD002 // Stream's synchronous half: decompressors use it, on threads of their own.
        ReadAsync(buffer.AsMemory(offset, count)).AsTask().GetAwaiter().GetResult();
#pragma warning restore VSTHRD002

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            try
            {
                _inner ??= await reopen(_offset, cancellationToken);
                var read = await ReadInTimeAsync(_inner, buffer, cancellationToken);
                if (read == 0 && _offset < size && !buffer.IsEmpty)
                    throw new IOException($"the connection ended after {_offset} of {size} bytes");
                _offset += read;
                RegistryMetrics.Received(read);
                _breaks = 0;
                return read;
            }
            catch (Exception e) when (_breaks < maxResumes && RetrySchedule.IsTransient(e, cancellationToken))
            {
                _breaks++;
                if (_inner is not null)
                    await _inner.DisposeAsync();
                _inner = null;
            }
        }
    }

    public override void Flush() { }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    protected override void Dispose(bool disposing)
    {
        if (disposing)
            _inner?.Dispose();
        base.Dispose(disposing);
    }

    private async ValueTask<int> ReadInTimeAsync(Stream inner, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        using var idle = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        idle.CancelAfter(idleTimeout);
        try
        {
            return await inner.ReadAsync(buffer, idle.Token);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new IOException($"no byte came for {idleTimeout.TotalSeconds:0} s", e);
        }
    }
}
