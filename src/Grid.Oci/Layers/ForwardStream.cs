namespace Grid.Oci.Layers;

/// <summary>A stream that is only read, from start to end; subclasses say how.</summary>
internal abstract class ForwardStream : Stream
{
    public sealed override bool CanRead => true;

    public sealed override bool CanSeek => false;

    public sealed override bool CanWrite => false;

    public override long Length => throw new NotSupportedException("the length is not known");

    public sealed override long Position
    {
        get => throw new NotSupportedException("the position is not kept");
        set => throw new NotSupportedException("a layer is read from start to end");
    }

    public abstract override int Read(Span<byte> buffer);

    public sealed override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

    public sealed override void Flush()
    {
        // Nothing to write.
    }

    public sealed override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException("a layer is read from start to end");

    public sealed override void SetLength(long value) => throw new NotSupportedException("a layer is read only");

    public sealed override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException("a layer is read only");
}
