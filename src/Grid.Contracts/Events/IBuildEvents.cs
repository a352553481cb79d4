using System.Runtime.CompilerServices;

namespace Grid.Contracts.Events;

/// <summary>The events of builds: appended by grains and workers, read by whoever watches. They outlive the build, and in a grid the node.</summary>
public interface IBuildEvents
{
    /// <summary>
    /// Adds an event to a build's journal. Returns at once; order is kept for one caller. Output waits when storage cannot keep up with it. A journal takes
    /// one <see cref="BuildFinished"/>: who does not know whether it told the end, as a crash came between, tells it again.
    /// </summary>
    void Append(string buildKey, BuildEvent buildEvent);

    /// <summary>Waits until what this process appended so far can be read by everybody. An <see cref="IOException"/> says that it cannot be written.</summary>
    Task FlushAsync(string buildKey, CancellationToken cancellationToken);

    /// <summary>
    /// The events of a build from a position, then those that come, until <see cref="BuildFinished"/>. 0 is the start; other positions come from
    /// <see cref="RecordedEvent.Next"/>, and what is before them is not read. A position where no event begins or ends throws
    /// <see cref="ArgumentOutOfRangeException"/>.
    /// </summary>
    IAsyncEnumerable<RecordedEvent> ReadAsync(string buildKey, long from, CancellationToken cancellationToken);
}

/// <summary>An event in a journal.</summary>
/// <param name="Event">The event.</param>
/// <param name="Next">Where the next one begins: who reads on from there misses none and gets none twice.</param>
public readonly record struct RecordedEvent(BuildEvent Event, long Next);

/// <summary>Reading without positions.</summary>
public static class BuildEventReading
{
    /// <summary>All events of a build from the first, then those that come, until <see cref="BuildFinished"/>.</summary>
    public static async IAsyncEnumerable<BuildEvent> WatchAsync(this IBuildEvents events, string buildKey, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var recorded in events.ReadAsync(buildKey, 0, cancellationToken))
            yield return recorded.Event;
    }
}
