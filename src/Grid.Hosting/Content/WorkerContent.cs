using Azure;
using Grid.Oci;
using Grid.Oci.Content;
using Grid.Worker;

namespace Grid.Hosting.Content;

/// <summary>
/// The shared tier as workers use it. A tier that does not answer is waited for: what a build has done so far is worth more than the time, and nobody else
/// could go on without the tier either.
/// </summary>
internal sealed class WorkerContent(TieredContent content, TimeProvider time) : ISharedContent
{
    /// <summary>How long an outage may last that no build notices.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(1);

    public Task FetchAsync(IReadOnlyCollection<Digest> blobs, CancellationToken cancellationToken) => PersistAsync(() => content.FetchAsync(blobs, cancellationToken), cancellationToken);

    public Task PublishAsync(IReadOnlyCollection<Digest> blobs, CancellationToken cancellationToken) => PersistAsync(() => content.PublishAsync(blobs, cancellationToken), cancellationToken);

    private async Task PersistAsync(Func<Task> action, CancellationToken cancellationToken)
    {
        for (var since = time.GetUtcNow(); ;)
        {
            try
            {
                await action();
                return;
            }
            catch (Exception e) when (MayPass(e, cancellationToken))
            {
                if (time.GetUtcNow() - since > Patience)
                    throw new IOException($"the shared content tier could not be reached for {Patience.TotalMinutes} minutes: {e.Message}", e);
            }
            await Task.Delay(RetryDelay, time, cancellationToken);
        }
    }

    /// <summary>Whether the service did not answer, or not as it should. What it refuses, and what is wrong with a blob, stays so.</summary>
    private static bool MayPass(Exception e, CancellationToken cancellationToken) => e switch
    {
        RequestFailedException { Status: 0 or 404 or 408 or 429 or >= 500 } => true,
        AggregateException many => many.InnerExceptions.All(one => MayPass(one, cancellationToken)),
        // Its client gave up on an answer.
        OperationCanceledException => !cancellationToken.IsCancellationRequested,
        HttpRequestException => true,
        _ => false,
    };
}
