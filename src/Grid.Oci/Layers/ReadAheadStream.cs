using System.Collections.Concurrent;

namespace Grid.Oci.Layers;

/// <summary>
/// Reads a stream on another thread, some blocks ahead, and shows each block to an observer there: decompressing and hashing go on while files
/// are written. Owns the stream.
/// </summary>
internal sealed class ReadAheadStream : ForwardStream
{
    private const int BlockSize = 256 * 1024;
    private const int Ahead = 8;

    private readonly Stream _source;
    private readonly Action<byte[], int, int> _observe;
    private readonly long _maxBytes;
    private readonly BlockingCollection<(byte[] Content, int Length)> _filled = new(Ahead);
    private readonly ConcurrentBag<byte[]> _free = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Thread _thread;
    private Exception? _failure;
    private byte[] _block = [];
    private int _position;
    private int _length;

    internal ReadAheadStream(Stream source, Action<byte[], int, int> observe, long maxBytes)
    {
        _source = source;
        _observe = observe;
        _maxBytes = maxBytes;
        // A thread of its own: it blocks most of its life, which pool threads should not.
        _thread = new Thread(Fill) { IsBackground = true, Name = "layer-read-ahead" };
        _thread.Start();
    }

    public override int Read(Span<byte> buffer)
    {
        if (_position == _length && !Advance())
            return 0;
        var length = Math.Min(buffer.Length, _length - _position);
        _block.AsSpan(_position, length).CopyTo(buffer);
        _position += length;
        return length;
    }

    /// <summary>Drops what is left, so that the observer sees all.</summary>
    internal void ReadToEnd()
    {
        while (Advance())
            continue;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _stop.Cancel();
            _thread.Join();
            _source.Dispose();
            _filled.Dispose();
            _stop.Dispose();
        }
        base.Dispose(disposing);
    }

    private bool Advance()
    {
        if (_block.Length > 0)
            _free.Add(_block);
        (_block, _position, _length) = ([], 0, 0);
        if (_filled.TryTake(out var block, Timeout.Infinite))
        {
            (_block, _length) = block;
            return true;
        }
        // Completed. The failure was set before, by the thread that completed it.
        if (_failure is not null)
            throw new InvalidDataException($"bad layer: it cannot be decompressed: {_failure.Message}", _failure);
        return false;
    }

    private void Fill()
    {
        try
        {
            long total = 0;
            while (true)
            {
                var block = _free.TryTake(out var used) ? used : new byte[BlockSize];
                var length = _source.ReadAtLeast(block, block.Length, throwOnEndOfStream: false);
                if (length == 0)
                    return;
                if ((total += length) > _maxBytes)
                    throw new InvalidDataException($"it has more than the {_maxBytes} bytes that are accepted");
                _observe(block, 0, length);
                _filled.Add((block, length), _stop.Token);
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody reads any more.
        }
        catch (Exception e)
        {
            _failure = e;
        }
        finally
        {
            _filled.CompleteAdding();
        }
    }
}
