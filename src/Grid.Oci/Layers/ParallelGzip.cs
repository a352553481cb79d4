using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using Grid.Oci.Layers.Deflate;

namespace Grid.Oci.Layers;

/// <summary>
/// One gzip member made of chunks that are deflated on several threads and joined by sync flushes (as pigz does). The chunks have a fixed
/// size, so the bytes depend neither on the number of processors nor on how the input was cut.
/// </summary>
internal sealed class ParallelGzip(Stream output) : IDisposable
{
    // A chunk loses the 32 KiB of history at its start: at this size some tenths of a percent.
    internal const int ChunkSize = 512 * 1024;

    private static readonly int MaxRunning = Environment.ProcessorCount + 1;

    private readonly Queue<Task<Chunk>> _running = new();
    private readonly Crc32 _crc = new();
    private uint _length;
    private bool _started;

    /// <summary>Takes the next chunk, which has <see cref="ChunkSize"/> bytes unless it is the last. The array is ours afterwards and goes back to the shared pool.</summary>
    internal void Add(byte[] content, int length)
    {
        if (!_started)
            Start();
        _crc.Append(content.AsSpan(0, length));
        _length += (uint)length;
        while (_running.Count >= MaxRunning)
            WriteOldest();
        _running.Enqueue(Task.Run(() => Compress(content, length)));
    }

    /// <summary>Writes what is outstanding and the end of the member.</summary>
    internal void Finish()
    {
        if (!_started)
            Start();
        while (_running.Count > 0)
            WriteOldest();
        // A last, empty block, then checksum and length of the whole content.
        Span<byte> trailer = [0x03, 0x00, 0, 0, 0, 0, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[2..], _crc.GetCurrentHashAsUInt32());
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[6..], _length);
        output.Write(trailer);
    }

    public void Dispose()
    {
        while (_running.TryDequeue(out var task))
            Wait(task).Return();
    }

    private void Start()
    {
        // Deflate, no flags, no time, no hint, unknown system.
        output.Write([0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF]);
        _started = true;
    }

    private void WriteOldest()
    {
        var chunk = Wait(_running.Dequeue());
        try
        {
            output.Write(chunk.Content, 0, chunk.Length);
        }
        finally
        {
            chunk.Return();
        }
    }

    // Layers are written by synchronous code. A chunk that no pool thread has begun is deflated right here, so a full pool cannot block this.
#pragma warning disable VSTHRD002
    private static Chunk Wait(Task<Chunk> task) => task.GetAwaiter().GetResult();
#pragma warning restore VSTHRD002

    private static Chunk Compress(byte[] content, int length)
    {
        var target = ArrayPool<byte>.Shared.Rent(DeflateEncoder.MaxLength(length));
        try
        {
            var chunk = content.AsSpan(0, length);
            return new Chunk(target, StoredBlocks.AreBetterFor(chunk) ? StoredBlocks.Write(chunk, target) : DeflateEncoder.Compress(chunk, target));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(content);
        }
    }

    private readonly record struct Chunk(byte[] Content, int Length)
    {
        internal void Return() => ArrayPool<byte>.Shared.Return(Content);
    }
}
