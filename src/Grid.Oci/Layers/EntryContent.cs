using System.Buffers;

namespace Grid.Oci.Layers;

/// <summary>The bytes of one tar entry out of the stream that holds all.</summary>
internal sealed class EntryContent(Stream tar, long size) : ForwardStream
{
    private long _remaining = size;

    public override int Read(Span<byte> buffer)
    {
        if (_remaining == 0 || buffer.IsEmpty)
            return 0;
        var length = tar.Read(buffer[..(int)Math.Min(buffer.Length, _remaining)]);
        if (length == 0)
            throw new InvalidDataException("bad layer: the tar ends inside a file");
        _remaining -= length;
        return length;
    }

    /// <summary>Reads over what is left.</summary>
    internal void Skip()
    {
        if (_remaining == 0)
            return;
        var buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        while (Read(buffer) is var length && length > 0)
            continue;
        ArrayPool<byte>.Shared.Return(buffer);
    }
}
