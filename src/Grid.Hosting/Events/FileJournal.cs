using System.Runtime.CompilerServices;
using Grid.Contracts.Events;

namespace Grid.Hosting.Events;

/// <summary>The lines of one build in a file: one writer, any number of readers that follow it.</summary>
internal sealed class FileJournal : IDisposable
{
    private readonly Lock _lock = new();
    private readonly FileStream _file;
    private long _length;

    /// <summary>No build's end is before this position but for one that <see cref="_hasEnd"/> tells of.</summary>
    private long _endless;
    private bool _hasEnd;
    private bool _closed;
    /// <summary>Told when the next line is there; null while no reader waits for one.</summary>
    private TaskCompletionSource? _grown;

    public FileJournal(string path)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0);
        _length = EndOfLastLine(_file);
        _file.SetLength(_length);
        _file.Position = _length;
    }

    /// <summary>Adds a line with its end; false when the journal is closed.</summary>
    public bool TryAppend(byte[] line)
    {
        TaskCompletionSource? grown;
        lock (_lock)
        {
            if (_closed)
                return false;
            var isEnd = EventLines.IsEnd(line);
            if (isEnd && HasEnd())
                return true;
            _file.Write(line);
            _hasEnd |= isEnd;
            if (_endless == _length)
                _endless += line.Length;
            _length += line.Length;
            (grown, _grown) = (_grown, null);
        }
        // Another thread tells the readers: whoever writes waits for none of them, however many there are.
        if (grown is not null)
            ThreadPool.UnsafeQueueUserWorkItem(static waited => waited.TrySetResult(), grown, preferLocal: false);
        return true;
    }

    /// <summary>Whole lines from a position, for ever, each with the position after it; reads only what has been written completely.</summary>
    public async IAsyncEnumerable<(byte[] Line, long Next)> ReadAsync(long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var file = new FileStream(_file.Name, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        lock (_lock)
        {
            if (from < 0 || from > _length || (from > 0 && !EndsLine(file, from)))
                throw new ArgumentOutOfRangeException(nameof(from), from, $"no line of {_file.Name} begins there");
        }
        file.Position = from;
        var lines = new LineReader(from);
        var buffer = new byte[64 * 1024];
        while (true)
        {
            long length;
            Task? grown;
            lock (_lock)
            {
                length = _length;
                grown = file.Position < length ? null : (_grown ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }
            if (grown is not null)
            {
                await grown.WaitAsync(cancellationToken);
                continue;
            }
            var read = await file.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, length - file.Position)), cancellationToken);
            foreach (var line in lines.Read(buffer.AsMemory(0, read)))
                yield return line;
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
            _file.Dispose();
        }
    }

    /// <summary>Whether the end is written. What this process wrote it knows; what was there before is looked through, once.</summary>
    private bool HasEnd()
    {
        if (_hasEnd || _endless == _length)
            return _hasEnd;
        using var file = new FileStream(_file.Name, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, bufferSize: 0);
        file.Position = _endless;
        var lines = new LineReader(_endless);
        var buffer = new byte[64 * 1024];
        while (!_hasEnd && file.Read(buffer) is > 0 and var read)
            _hasEnd = lines.Read(buffer.AsMemory(0, read)).Any(l => EventLines.IsEnd(l.Line));
        _endless = _length;
        return _hasEnd;
    }

    private static bool EndsLine(FileStream file, long position)
    {
        file.Position = position - 1;
        return file.ReadByte() == '\n';
    }

    /// <summary>Where the whole lines end: a process that was killed, or a full disk, may have left a piece of one.</summary>
    private static long EndOfLastLine(FileStream file)
    {
        Span<byte> piece = stackalloc byte[4096];
        for (var end = file.Length; end > 0;)
        {
            var start = Math.Max(0, end - piece.Length);
            var bytes = piece[..(int)(end - start)];
            file.Position = start;
            file.ReadExactly(bytes);
            if (bytes.LastIndexOf((byte)'\n') is >= 0 and var at)
                return start + at + 1;
            end = start;
        }
        return 0;
    }
}
