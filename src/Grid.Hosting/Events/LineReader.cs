using System.Buffers;

namespace Grid.Hosting.Events;

/// <summary>Cuts bytes into lines as they come, however they are cut on the way.</summary>
/// <param name="position">Position of the first byte that will be given.</param>
internal sealed class LineReader(long position)
{
    private readonly ArrayBufferWriter<byte> _line = new();
    private long _position = position;

    /// <summary>The lines that end in these bytes, without their ends, each with the position after it.</summary>
    public IEnumerable<(byte[] Line, long Next)> Read(ReadOnlyMemory<byte> bytes)
    {
        while (bytes.Span.IndexOf((byte)'\n') is >= 0 and var end)
        {
            _line.Write(bytes.Span[..end]);
            _position += end + 1;
            bytes = bytes[(end + 1)..];
            yield return (_line.WrittenSpan.ToArray(), _position);
            _line.ResetWrittenCount();
        }
        _line.Write(bytes.Span);
        _position += bytes.Length;
    }
}
