using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Grid.Contracts.Events;

namespace Grid.Grains.Tests.Cluster;

/// <summary>Build events in memory, with a way to wait for one.</summary>
internal sealed class RecordedEvents : IBuildEvents
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, List<BuildEvent>> _journals = new(StringComparer.Ordinal);
    private TaskCompletionSource _grown = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Builds whose end was told again.</summary>
    public ConcurrentQueue<string> RepeatedEnds { get; } = new();

    /// <summary>The positions readers began at.</summary>
    public ConcurrentQueue<(string Build, long From)> ReadFrom { get; } = new();

    public void Append(string buildKey, BuildEvent buildEvent)
    {
        TaskCompletionSource grown;
        lock (_lock)
        {
            var journal = JournalOf(buildKey);
            // A journal takes one.
            if (buildEvent is BuildFinished && journal.Exists(e => e is BuildFinished))
            {
                RepeatedEnds.Enqueue(buildKey);
                return;
            }
            journal.Add(buildEvent);
            (grown, _grown) = (_grown, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        }
        grown.SetResult();
    }

    public Task FlushAsync(string buildKey, CancellationToken cancellationToken) => Task.CompletedTask;

    public async IAsyncEnumerable<RecordedEvent> ReadAsync(string buildKey, long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (from > Of(buildKey).Count)
            throw new ArgumentOutOfRangeException(nameof(from), from, "there is no such position");
        ReadFrom.Enqueue((buildKey, from));
        long position = 0;
        await foreach (var found in WatchAsync(buildKey, cancellationToken))
        {
            if (position++ >= from)
                yield return new RecordedEvent(found, position);
        }
    }

    /// <summary>Events of a build so far.</summary>
    public IReadOnlyList<BuildEvent> Of(string buildKey)
    {
        lock (_lock)
            return [.. JournalOf(buildKey)];
    }

    /// <summary>The first event of a build that fits, now or later.</summary>
    public async Task<T> FirstAsync<T>(string buildKey, Func<T, bool>? fits = null)
    {
        await foreach (var found in WatchAsync(buildKey, TestContext.Current.CancellationToken))
        {
            if (found is T typed && (fits is null || fits(typed)))
                return typed;
        }
        throw new InvalidOperationException($"{buildKey} ended without a {typeof(T).Name} that fits");
    }

    public async IAsyncEnumerable<BuildEvent> WatchAsync(string buildKey, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (var seen = 0; ;)
        {
            Task grown;
            List<BuildEvent> news;
            lock (_lock)
                (grown, news) = (_grown.Task, JournalOf(buildKey)[seen..]);
            seen += news.Count;
            foreach (var found in news)
            {
                yield return found;
                if (found is BuildFinished)
                    yield break;
            }
            if (news.Count == 0)
                await grown.WaitAsync(TestGrid.Patience, cancellationToken);
        }
    }

    private List<BuildEvent> JournalOf(string buildKey)
    {
        if (!_journals.TryGetValue(buildKey, out var journal))
            _journals.Add(buildKey, journal = []);
        return journal;
    }
}
