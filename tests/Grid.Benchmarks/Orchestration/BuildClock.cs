using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Grid.Contracts.Builds;
using Grid.Contracts.Events;

namespace Grid.Benchmarks.Orchestration;

/// <summary>The events of builds, of which only the times of the first phase and of the end are kept.</summary>
internal sealed class BuildClock : IBuildEvents
{
    private readonly ConcurrentDictionary<string, Times> _builds = new(StringComparer.Ordinal);
    private int _ended;

    /// <summary>Times of a build; made when it is asked for the first time.</summary>
    public Times Of(string buildKey) => _builds.GetOrAdd(buildKey, _ => new Times());

    /// <summary>Builds that have ended.</summary>
    public int Ended => _ended;

    public void Append(string buildKey, BuildEvent buildEvent)
    {
        if (buildEvent is PhaseStarted { Phase: Phase.Analyze })
            Of(buildKey).Started.TrySetResult(TimeProvider.System.GetTimestamp());
        else if (buildEvent is BuildFinished finished)
        {
            Interlocked.Increment(ref _ended);
            Of(buildKey).Finish(finished);
        }
    }

    public Task FlushAsync(string buildKey, CancellationToken cancellationToken) => Task.CompletedTask;

    public async IAsyncEnumerable<RecordedEvent> ReadAsync(string buildKey, long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        yield break;
    }

    /// <summary>Timestamps of a build.</summary>
    internal sealed class Times
    {
        public long Submitted { get; set; }

        public TaskCompletionSource<long> Started { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource<long> Finished { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Finish(BuildFinished finished)
        {
            if (finished.State == BuildState.Succeeded)
                Finished.TrySetResult(TimeProvider.System.GetTimestamp());
            else
                Finished.TrySetException(new BenchmarkException($"a simulated build ended {finished.State}: {finished.Failure?.Message}"));
        }
    }
}
