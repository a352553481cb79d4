namespace Grid.Contracts.Events;

/// <summary>The events of builds: appended by grains and workers, read by whoever watches. They outlive the build.</summary>
public interface IBuildEvents
{
    /// <summary>Adds an event to a build's journal. Returns at once; order is kept for one caller.</summary>
    void Append(string buildKey, BuildEvent buildEvent);

    /// <summary>All events of a build from the first, then those that come, until <see cref="BuildFinished"/>.</summary>
    IAsyncEnumerable<BuildEvent> WatchAsync(string buildKey, CancellationToken cancellationToken);
}
