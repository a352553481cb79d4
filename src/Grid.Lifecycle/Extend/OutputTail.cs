using System.Text;
using Grid.Sandbox;

namespace Grid.Lifecycle.Extend;

/// <summary>Passes output on and keeps its end, which is what an error message shows.</summary>
public sealed class OutputTail(IProcessOutput next) : IProcessOutput
{
    private const int Size = 4096;
    private readonly Lock _lock = new();
    private readonly byte[] _ring = new byte[Size];
    private long _written;

    public void Write(ReadOnlySpan<byte> bytes, bool isError)
    {
        lock (_lock)
        {
            foreach (var b in bytes.Length > Size ? bytes[^Size..] : bytes)
                _ring[_written++ % Size] = b;
        }
        next.Write(bytes, isError);
    }

    /// <summary>The last whole lines, at most twenty.</summary>
    public string Text()
    {
        lock (_lock)
        {
            var length = (int)Math.Min(_written, Size);
            var bytes = new byte[length];
            for (var i = 0; i < length; i++)
                bytes[i] = _ring[(_written - length + i) % Size];
            var lines = Encoding.UTF8.GetString(bytes).TrimEnd('\n').Split('\n');
            return string.Join('\n', (_written > Size ? lines.Skip(1) : lines).TakeLast(20));
        }
    }
}
