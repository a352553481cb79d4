using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Grid.Contracts.Events;
using Grid.Hosting.Storage;
using Microsoft.Extensions.Logging;

namespace Grid.Hosting.Events;

/// <summary>How <see cref="AzureBuildEvents"/> writes and reads.</summary>
internal sealed record AzureJournalOptions
{
    /// <summary>How long lines are gathered before they are appended together.</summary>
    public TimeSpan Gather { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>How often a reader looks for what other processes wrote.</summary>
    public TimeSpan Poll { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Pause after an append that failed.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a flush, and output that finds no room, wait for storage.</summary>
    public TimeSpan MaxWait { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes of one append.</summary>
    public int MaxAppendBytes { get; init; } = 2 * 1024 * 1024;

    /// <summary>Bytes of one build that may wait to be written before its output has to wait.</summary>
    public long MaxPendingBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>Appends to one blob; the service takes 50,000.</summary>
    public int MaxBlocks { get; init; } = 49_000;
}

/// <summary>Build events as append blobs of JSON lines: every process of a grid appends to a build's journal, any of them reads it, and it outlives them.</summary>
internal sealed class AzureBuildEvents(AzureContainer container, AzureJournalOptions options, TimeProvider time, ILogger<AzureBuildEvents> log) : IBuildEvents, IBuildJournals, IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, AzureJournal> _open = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stopping = new();
    private readonly UnfinishedBuilds _unfinished = new();
    private int _disposed;

    public DateTimeOffset? OldestUnfinished => _unfinished.Oldest;

    /// <summary>None is this node's: the grid's retention removes them, with their builds.</summary>
    public IReadOnlyList<string> RemoveFinished(DateTimeOffset notWrittenSince) => [];

    public Task RemoveAsync(string buildKey, CancellationToken cancellationToken)
    {
        _open.TryRemove(buildKey, out _);
        return SegmentsOf(buildKey).RemoveAsync(cancellationToken);
    }

    public void Append(string buildKey, BuildEvent buildEvent)
    {
        var journal = _open.GetOrAdd(buildKey, key => new AzureJournal(key, SegmentsOf(key), options, time, log, _stopping.Token));
        journal.Append(buildEvent);
        // How long it has been going elsewhere, nobody here knows: a day is more than builds take.
        _unfinished.Note(buildKey, buildEvent, _ => buildEvent.At - TimeSpan.FromDays(1));
        if (buildEvent is BuildFinished)
            _ = ForgetAsync(buildKey, journal);
    }

    public Task FlushAsync(string buildKey, CancellationToken cancellationToken) =>
        _open.TryGetValue(buildKey, out var journal) ? journal.FlushAsync(cancellationToken) : Task.CompletedTask;

    public async IAsyncEnumerable<RecordedEvent> ReadAsync(string buildKey, long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var segments = SegmentsOf(buildKey);
        var at = JournalPosition.Parse(from);
        if (from < 0 || (from > 0 && !await segments.EndsLineAsync(at, cancellationToken)))
            throw new ArgumentOutOfRangeException(nameof(from), from, $"no line of the journal of build {buildKey} begins there");
        var lines = new LineReader(at.Offset);
        while (true)
        {
            var end = await segments.FindAsync(at.Segment, cancellationToken);
            if (end is { } known && known.Length > at.Offset)
            {
                var bytes = await segments.ReadAsync(at.Segment, at.Offset, known.Length - at.Offset, cancellationToken);
                at = at with { Offset = at.Offset + bytes.Length };
                foreach (var (line, next) in lines.Read(bytes))
                {
                    var buildEvent = EventLines.Parse(line, $"the journal of build {buildKey}");
                    yield return new RecordedEvent(buildEvent, (at with { Offset = next }).ToNumber());
                    if (buildEvent is BuildFinished)
                        yield break;
                }
            }
            else if (end is null && at.Offset > 0)
            {
                throw new IOException($"the journal of build {buildKey} has been removed");
            }
            else if (end is { IsFull: true })
            {
                // An append holds whole lines, so nothing is left over.
                at = new JournalPosition(at.Segment + 1, 0);
                lines = new LineReader(0);
            }
            else
            {
                await WaitAsync(buildKey, cancellationToken);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        // It stands for several services, and each of them is disposed.
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        var flushing = Task.WhenAll(_open.Values.Select(j => j.FlushAsync(CancellationToken.None)));
        await Task.WhenAny(flushing, Task.Delay(TimeSpan.FromSeconds(5), time));
        await _stopping.CancelAsync();
        // What could not be written is reported by the journal itself.
        await flushing.WaitAsync(TimeSpan.FromSeconds(1), time).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stopping.Dispose();
    }

    private JournalSegments SegmentsOf(string buildKey) => new(container, buildKey, options.MaxBlocks);

    /// <summary>Until this process wrote more, or for a moment, as others may have.</summary>
    private async Task WaitAsync(string buildKey, CancellationToken cancellationToken)
    {
        var poll = Task.Delay(options.Poll, time, cancellationToken);
        await (_open.TryGetValue(buildKey, out var journal) ? await Task.WhenAny(poll, journal.Progress) : poll);
    }

    /// <summary>Keeps no memory of a build that is over, once all is written.</summary>
    private async Task ForgetAsync(string buildKey, AzureJournal journal)
    {
        await journal.FlushAsync(CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (journal.IsIdle)
            _open.TryRemove(KeyValuePair.Create(buildKey, journal));
    }
}
