using System.Buffers;
using System.Text;
using Grid.Sandbox;

namespace Grid.Lifecycle.Detect;

/// <summary>Keeps a process's output, both streams together, up to a bound: a module may print without end.</summary>
internal sealed class CapturedOutput(int maxBytes = 1024 * 1024) : IProcessOutput
{
    private readonly ArrayBufferWriter<byte> _bytes = new();
    private bool _truncated;

    public void Write(ReadOnlySpan<byte> bytes, bool isError)
    {
        var room = maxBytes - _bytes.WrittenCount;
        _truncated |= bytes.Length > room;
        _bytes.Write(bytes[..Math.Min(room, bytes.Length)]);
    }

    public override string ToString() =>
        Encoding.UTF8.GetString(_bytes.WrittenSpan) + (_truncated ? $"\n[output beyond {maxBytes} bytes was dropped]" : "");
}
