using Orleans.CodeGeneration;
using Orleans.Concurrency;
using Grid.Contracts.Queues;
using Grid.Contracts.Work;

namespace Grid.Contracts.Builds;

/// <summary>One build, keyed <c>tenant/build</c>: accepts a request once and drives it to exactly one terminal state.</summary>
[Alias("grid.IBuildGrain"), Version(1)]
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

    /// <summary>
    /// This export is about to write its names: whether it may, for how long, or how long to wait. Only the current attempt of a build that nobody
    /// stopped may, and only when no earlier one can still be at it; null when it may not at all. Recorded before it is answered.
    /// </summary>
    [Alias("RequestPublish")]
    Task<PublishAnswer?> RequestPublishAsync(string handle);

    /// <summary>Whether this export belongs to the current attempt of a build that nobody stopped.</summary>
    [Alias("MayPublish"), ReadOnly]
    Task<bool> MayPublishAsync(string handle);

    /// <summary>Forgets a build that has ended, and all its grains: there is no such build then. False when it has not ended. Repeating it changes nothing.</summary>
    [Alias("Forget")]
    Task<bool> ForgetAsync();

    /// <summary>What was asked; null when the build was never submitted.</summary>
    [Alias("GetRequest"), ReadOnly]
    Task<BuildRequest?> GetRequestAsync();

    /// <summary>What is known of it beyond where it stands; null when the build was never submitted.</summary>
    [Alias("GetDetails"), ReadOnly]
    Task<BuildDetails?> GetDetailsAsync();

    /// <summary>The detection grain's answer.</summary>
    [Alias("Detected")]
    Task DetectedAsync(DetectionOutcome outcome);
}

/// <summary>The answer to an export that wants to write names.</summary>
/// <param name="Granted">It may, now.</param>
/// <param name="Duration">For how long from the moment it asked; or, when it may not yet, after what time to ask again.</param>
[GenerateSerializer, Immutable, Alias("grid.PublishAnswer")]
public sealed record PublishAnswer([property: Id(0)] bool Granted, [property: Id(1)] TimeSpan Duration);
