using Orleans.Concurrency;
using Grid.Contracts.Queues;
using Grid.Contracts.Work;

namespace Grid.Contracts.Builds;

/// <summary>One build, keyed <c>tenant/build</c>: accepts a request once and drives it to exactly one terminal state.</summary>
[Alias("grid.IBuildGrain")]
public interface IBuildGrain : IWorkOwner, IExtensionOwner, IQueueMember
{
    /// <summary>Accepts the build and starts it; repeating the call with the same key changes nothing and answers the status.</summary>
    [Alias("Submit")]
    Task<BuildStatus> SubmitAsync(BuildRequest request);

    /// <summary>Asks the build to stop. Durable: the build ends cancelled unless it reached another end before.</summary>
    [Alias("Cancel")]
    Task CancelAsync(string reason);

    /// <summary>Where the build stands.</summary>
    [Alias("GetStatus"), ReadOnly]
    Task<BuildStatus> GetStatusAsync();

    /// <summary>Whether this export may write its tags now: only the current attempt of a build that nobody stopped may.</summary>
    [Alias("MayPublish"), ReadOnly]
    Task<bool> MayPublishAsync(string handle);

    /// <summary>What was asked; null when the build was never submitted.</summary>
    [Alias("GetRequest"), ReadOnly]
    Task<BuildRequest?> GetRequestAsync();

    /// <summary>The detection grain's answer.</summary>
    [Alias("Detected")]
    Task DetectedAsync(DetectionOutcome outcome);
}
