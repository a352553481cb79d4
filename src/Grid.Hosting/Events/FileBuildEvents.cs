using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Grid.Contracts.Events;

namespace Grid.Hosting.Events;

/// <summary>
/// Build events as files of JSON lines, one file for each build; a position is an offset in it. Nothing is kept in memory, however much a step prints,
/// and no file is kept open after its build's end.
/// </summary>
public sealed class FileBuildEvents(string directory) : IBuildEvents, IDisposable
{
    private readonly ConcurrentDictionary<string, FileJournal> _open = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void Append(string buildKey, BuildEvent buildEvent)
    {
        var line = EventLines.ToLine(buildEvent);
        // One that the build's end closes at this moment takes no more; the next one does.
        while (!Open(buildKey).TryAppend(line))
            continue;
        if (buildEvent is BuildFinished && _open.TryRemove(buildKey, out var journal))
            journal.Dispose();
    }

    /// <inheritdoc/>
    public Task FlushAsync(string buildKey, CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public async IAsyncEnumerable<RecordedEvent> ReadAsync(string buildKey, long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var (line, next) in Open(buildKey).ReadAsync(from, cancellationToken))
        {
            var buildEvent = EventLines.Parse(line, FileOf(buildKey));
            yield return new RecordedEvent(buildEvent, next);
            if (buildEvent is BuildFinished)
                yield break;
        }
    }

    public void Dispose()
    {
        foreach (var journal in _open.Values)
            journal.Dispose();
    }

    private FileJournal Open(string buildKey) => _open.GetOrAdd(buildKey, key => new FileJournal(FileOf(key)));

    private string FileOf(string buildKey) => Path.Combine(directory, Uri.EscapeDataString(buildKey) + ".jsonl");
}
