using Grid.Buildpacks;
using Grid.Contracts.Builds;
using Grid.Oci;

namespace Grid.Worker;

/// <summary>
/// An export's right to write names, as it holds it: asked for before the first name, over after its time unless asked for again, and then nothing of
/// this attempt is sent any more. This node may have been given up while it was busy, and not know it.
/// </summary>
/// <param name="build">Who gives it.</param>
/// <param name="handle">The attempt.</param>
/// <param name="time">Measures how much of it is left, with a clock that nobody sets.</param>
internal sealed class PublishPermit(IBuildGrain build, string handle, TimeProvider time)
{
    private const int MaxRounds = 20;

    /// <summary>Less than this is asked for anew: a request should have time to be answered.</summary>
    private static readonly TimeSpan Useful = TimeSpan.FromSeconds(2);
    private long _since;
    private TimeSpan _duration;

    /// <summary>Whether an earlier attempt, or this one, may have written a name already.</summary>
    public bool MayBeRepeated { get; private set; } = !handle.EndsWith("#1", StringComparison.Ordinal);

    /// <summary>Writes a name within the permit. What is not done when it runs out is stopped, and done again with a new one.</summary>
    /// <exception cref="LifecycleException">The attempt may not write, or does not get it done.</exception>
    public async Task<ImageLocation> WriteAsync(ImageLocation name, Func<CancellationToken, Task<ImageLocation>> write, CancellationToken cancellationToken)
    {
        for (var round = 1; ; round++)
        {
            using var end = new CancellationTokenSource(await HoldAsync(name, cancellationToken), time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(end.Token, cancellationToken);
            try
            {
                return await write(either.Token);
            }
            catch (OperationCanceledException) when (end.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                MayBeRepeated = true;
                if (round == MaxRounds)
                    throw new LifecycleException(ExitCode.ExportError, $"{name} could not be written: its registry did not answer {MaxRounds} requests in time; try again when it does");
            }
        }
    }

    /// <summary>Makes sure that the attempt may write.</summary>
    public Task EnsureAsync(ImageLocation name, CancellationToken cancellationToken) => HoldAsync(name, cancellationToken);

    /// <summary>Time that is left, with a new permit when it is little.</summary>
    private async Task<TimeSpan> HoldAsync(ImageLocation name, CancellationToken cancellationToken)
    {
        while (true)
        {
            var left = _duration - time.GetElapsedTime(_since);
            if (left > Useful)
                return left;
            // From before the question: whoever gave it counts from later on.
            var asked = time.GetTimestamp();
            var answer = await Question.AskAsync(() => build.RequestPublishAsync(handle), time, cancellationToken)
                ?? throw new LifecycleException(ExitCode.ExportError, $"{handle} may not write {name}: the build goes on elsewhere, or was stopped");
            if (answer.Granted)
                (_since, _duration) = (asked, answer.Duration);
            else
                await Task.Delay(answer.Duration, time, cancellationToken);
        }
    }
}
