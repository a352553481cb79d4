using System.Collections.Concurrent;
using Grid.Contracts.Events;

namespace Grid.Hosting.Events;

/// <summary>Builds this process has heard of that have no end yet, with when they began.</summary>
internal sealed class UnfinishedBuilds
{
    private readonly ConcurrentDictionary<string, DateTimeOffset> _began = new(StringComparer.Ordinal);

    /// <summary>When the oldest one began; null when there is none.</summary>
    public DateTimeOffset? Oldest => _began.IsEmpty ? null : _began.Values.Order().Cast<DateTimeOffset?>().FirstOrDefault();

    public IEnumerable<string> Builds => _began.Keys;

    /// <summary>Notes an event. A build that goes on in this process began before, at a time that <paramref name="earlier"/> knows.</summary>
    public void Note(string buildKey, BuildEvent buildEvent, Func<string, DateTimeOffset> earlier)
    {
        if (buildEvent is BuildFinished)
            _began.TryRemove(buildKey, out _);
        else if (!_began.ContainsKey(buildKey))
            _began.TryAdd(buildKey, buildEvent is BuildStarted ? buildEvent.At : earlier(buildKey));
    }
}
