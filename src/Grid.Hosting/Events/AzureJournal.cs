using Azure;
using Azure.Storage.Blobs.Models;
using Grid.Contracts.Events;
using Microsoft.Extensions.Logging;

namespace Grid.Hosting.Events;

/// <summary>
/// What this process writes to one build's journal. Lines are gathered for a moment and appended together, each exactly once, also when other
/// processes append at the same time and when it stays unknown whether an append was done.
/// </summary>
internal sealed partial class AzureJournal(string buildKey, JournalSegments segments, AzureJournalOptions options, TimeProvider time, ILogger log, CancellationToken stopping)
{
    // Not a Lock: output waits for room with it.
    private readonly object _lock = new();
    private List<byte[]> _pending = [];
    private long _pendingBytes;
    private long _appended;
    private long _written;
    private long _lostBytes;
    private Task _writing = Task.CompletedTask;
    private Exception? _problem;
    private TaskCompletionSource _progress = NewSource();
    private TaskCompletionSource _hurry = NewSource();
    private int _segment;
    private JournalPosition? _end;

    /// <summary>No end of the build stands before this position but for one that <see cref="_hasEnd"/> tells of.</summary>
    private JournalPosition _endless;
    private bool _hasEnd;

    /// <summary>Completes when this process has written more.</summary>
    public Task Progress
    {
        get
        {
            lock (_lock)
                return _progress.Task;
        }
    }

    /// <summary>Whether nothing waits to be written.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_lock)
                return _written == _appended;
        }
    }

    /// <summary>Takes a line. Output of a process waits here when storage does not keep up: then the process waits too.</summary>
    public void Append(BuildEvent buildEvent)
    {
        var line = EventLines.ToLine(buildEvent);
        lock (_lock)
        {
            if (buildEvent is OutputWritten output && !HasRoom(output, line.Length))
                return;
            Add(line);
            if (_writing.IsCompleted)
                _writing = Task.Run(WriteAsync, CancellationToken.None);
        }
    }

    /// <summary>Waits until what was taken before is written; throws when that does not come about in time.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken)
    {
        long wanted;
        lock (_lock)
            wanted = _appended;
        using var patience = new CancellationTokenSource(options.MaxWait, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        while (true)
        {
            Task progress;
            lock (_lock)
            {
                if (_written >= wanted)
                    return;
                // Somebody waits: no line is waited for any more.
                _hurry.TrySetResult();
                progress = _progress.Task;
            }
            try
            {
                await progress.WaitAsync(either.Token);
            }
            catch (OperationCanceledException) when (patience.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                throw new IOException($"the journal of build {buildKey} cannot be written: {_problem?.Message ?? "storage does not answer"}", _problem);
            }
        }
    }

    /// <summary>Waits for room, and says in the journal what found none.</summary>
    private bool HasRoom(OutputWritten output, int length)
    {
        while (_pendingBytes > options.MaxPendingBytes)
        {
            if (_lostBytes > 0 || !Monitor.Wait(_lock, options.MaxWait))
            {
                _lostBytes += length;
                return false;
            }
        }
        if (_lostBytes > 0)
            Add(EventLines.ToLine(output with { Text = $"\n[{_lostBytes} bytes of output are lost: the journal could not be written for {options.MaxWait.TotalSeconds} s]\n", IsError = true }));
        _lostBytes = 0;
        return true;
    }

    private void Add(byte[] line)
    {
        _pending.Add(line);
        _appended++;
        _pendingBytes += line.Length;
    }

    private async Task WriteAsync()
    {
        while (await TakeAsync() is { Count: > 0 } lines)
        {
            var end = lines.FindIndex(l => EventLines.IsEnd(l));
            byte[] withoutEnd = [.. lines.Where(l => !EventLines.IsEnd(l)).SelectMany(l => l)];
            await AppendAsync(end < 0 ? withoutEnd : [.. lines.Where((l, n) => n == end || !EventLines.IsEnd(l)).SelectMany(l => l)], withoutEnd);
            lock (_lock)
            {
                _written += lines.Count;
                (var done, _progress) = (_progress, NewSource());
                done.TrySetResult();
            }
        }
    }

    /// <summary>The lines of the next append, after a moment in which more may come; none when all is written or this process ends.</summary>
    private async Task<List<byte[]>> TakeAsync()
    {
        Task hurry;
        lock (_lock)
            hurry = _hurry.Task;
        await Task.WhenAny(Task.Delay(options.Gather, time, stopping), hurry);
        lock (_lock)
        {
            if (_hurry.Task.IsCompleted)
                _hurry = NewSource();
            long bytes = 0;
            var count = 0;
            while (count < _pending.Count && (count == 0 || bytes + _pending[count].Length <= options.MaxAppendBytes))
                bytes += _pending[count++].Length;
            var lines = _pending[..count];
            _pending = _pending[count..];
            if ((_pendingBytes -= bytes) <= options.MaxPendingBytes)
                Monitor.PulseAll(_lock);
            if (count == 0)
                _writing = Task.CompletedTask;
            return lines;
        }
    }

    /// <summary>Whether a build's end stands before a position: looks through what others wrote.</summary>
    private async Task<bool> HasEndAsync(JournalPosition before)
    {
        var lines = new LineReader(0);
        while (!_hasEnd && (_endless.Segment < before.Segment || _endless.Offset < before.Offset))
        {
            var length = _endless.Segment == before.Segment ? before.Offset : (await segments.FindAsync(_endless.Segment, CancellationToken.None))?.Length ?? 0;
            if (_endless.Offset >= length)
            {
                // Appends hold whole lines: none goes on in the next segment.
                _endless = new JournalPosition(_endless.Segment + 1, 0);
                continue;
            }
            var bytes = await segments.ReadAsync(_endless.Segment, _endless.Offset, length - _endless.Offset, CancellationToken.None);
            _hasEnd = lines.Read(bytes).Any(l => EventLines.IsEnd(l.Line));
            _endless = _endless with { Offset = _endless.Offset + bytes.Length };
        }
        return _hasEnd;
    }

    /// <summary>
    /// Appends bytes at the journal's end, again and again until it is certain that they are there once; when the journal has the build's end, the ones
    /// without it. That is looked for up to the very position that they go to.
    /// </summary>
    private async Task AppendAsync(byte[] bytes, byte[] withoutEnd)
    {
        // Where an append went of which it is not known whether it was done.
        JournalPosition? tried = null;
        for (var failures = 0; ;)
        {
            try
            {
                if (tried is { } at && await segments.HoldsAsync(at, bytes, CancellationToken.None))
                {
                    _end = null;
                    return;
                }
                tried = null;
                var target = _end ??= await segments.FindEndAsync(_segment, CancellationToken.None);
                var isEnd = bytes.Length > withoutEnd.Length;
                if (isEnd && await HasEndAsync(target))
                    (bytes, isEnd) = (withoutEnd, false);
                if (bytes.Length == 0)
                    return;
                tried = target;
                _end = await segments.AppendAsync(target, bytes, CancellationToken.None);
                _segment = (_end ?? target).Segment;
                _hasEnd |= isEnd;
                if (_endless == target)
                    _endless = target with { Offset = target.Offset + bytes.Length };
                return;
            }
            catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.AppendPositionConditionNotMet)
            {
                // Another process was first; or the answer to this very append got lost, and the library sent it again.
                _end = null;
            }
            catch (Exception e) when (e is RequestFailedException or IOException or AggregateException or OperationCanceledException)
            {
                (_problem, _end) = (e, null);
                if (e is RequestFailedException { ErrorCode: { } code } && code == BlobErrorCode.ContainerNotFound)
                    segments.ForgetContainer();
                if (failures++ == 0)
                    LogNotWritten(buildKey, e.Message);
                if (stopping.IsCancellationRequested)
                {
                    LogLost(bytes.Length, buildKey);
                    return;
                }
                await Task.Delay(options.RetryDelay, time, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    [LoggerMessage(1, LogLevel.Warning, "the journal of build {Build} cannot be written, trying again: {Reason}")]
    private partial void LogNotWritten(string build, string reason);

    [LoggerMessage(2, LogLevel.Error, "{Bytes} bytes of the journal of build {Build} are lost: this process stops and storage does not answer")]
    private partial void LogLost(int bytes, string build);
}
