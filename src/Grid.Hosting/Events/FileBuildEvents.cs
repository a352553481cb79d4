using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Grid.Contracts.Events;

namespace Grid.Hosting.Events;

/// <summary>
/// Build events as files of JSON lines, one file for each build; a position is an offset in it. Nothing is kept in memory, however much a step prints,
/// and no file is kept open after its build's end.
/// </summary>
public sealed class FileBuildEvents(string directory) : IBuildEvents, IBuildJournals, IDisposable
{
    private const string Suffix = ".jsonl";
    private readonly UnfinishedBuilds _unfinished = new();
    private readonly Lock _opening = new();
    private readonly Func<string, DateTimeOffset> _began = key => new DateTimeOffset(File.GetCreationTimeUtc(Path.Combine(directory, Uri.EscapeDataString(key) + Suffix)), TimeSpan.Zero);
    private readonly ConcurrentDictionary<string, FileJournal> _open = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public void Append(string buildKey, BuildEvent buildEvent)
    {
        _unfinished.Note(buildKey, buildEvent, _began);
        var line = EventLines.ToLine(buildEvent);
        // One that the build's end closes at this moment takes no more; the next one does.
        while (!Open(buildKey).TryAppend(line))
            continue;
        if (buildEvent is BuildFinished && _open.TryRemove(buildKey, out var journal))
            journal.Dispose();
    }

    /// <inheritdoc/>
    public DateTimeOffset? OldestUnfinished => _unfinished.Oldest;

    /// <inheritdoc/>
    public IReadOnlyList<string> RemoveFinished(DateTimeOffset notWrittenSince)
    {
        if (!Directory.Exists(directory))
            return [];
        var unfinished = _unfinished.Builds.Select(FileOf).ToHashSet(StringComparer.Ordinal);
        var removed = new List<string>();
        foreach (var file in new DirectoryInfo(directory).EnumerateFiles("*" + Suffix).Where(f => !unfinished.Contains(f.FullName) && f.LastWriteTimeUtc < notWrittenSince.UtcDateTime).ToList())
        {
            // Who still reads it keeps the open file.
            file.Delete();
            removed.Add(Uri.UnescapeDataString(file.Name[..^Suffix.Length]));
        }
        return removed;
    }

    /// <inheritdoc/>
    public Task RemoveAsync(string buildKey, CancellationToken cancellationToken)
    {
        // A late reader may have opened it again.
        if (_open.TryRemove(buildKey, out var journal))
            journal.Dispose();
        if (Directory.Exists(directory))
            File.Delete(FileOf(buildKey));
        return Task.CompletedTask;
    }

    /// <summary>Builds that have a journal, the one that was written to last first.</summary>
    public IReadOnlyList<string> Builds() => !Directory.Exists(directory) ? []
        : [.. new DirectoryInfo(directory).EnumerateFiles("*" + Suffix).OrderByDescending(f => f.LastWriteTimeUtc).Select(f => Uri.UnescapeDataString(f.Name[..^Suffix.Length]))];

    /// <summary>The whole events of a build so far; none when it has no journal. Changes nothing, also when another process writes.</summary>
    public IEnumerable<BuildEvent> Read(string buildKey)
    {
        if (!File.Exists(FileOf(buildKey)))
            yield break;
        foreach (var line in File.ReadLines(FileOf(buildKey)))
        {
            if (line.EndsWith('}'))
                yield return EventLines.Parse(System.Text.Encoding.UTF8.GetBytes(line), FileOf(buildKey));
        }
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

    /// <summary>The one open journal of a build. Two over one file would each write where they believe its end to be.</summary>
    private FileJournal Open(string buildKey)
    {
        if (_open.TryGetValue(buildKey, out var open))
            return open;
        lock (_opening)
            return _open.GetOrAdd(buildKey, key => new FileJournal(FileOf(key)));
    }

    private string FileOf(string buildKey) => Path.Combine(directory, Uri.EscapeDataString(buildKey) + Suffix);
}
