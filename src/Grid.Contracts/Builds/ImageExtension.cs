using Grid.Contracts.Work;
using Grid.Dockerfiles;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;

namespace Grid.Contracts.Builds;

/// <summary>
/// Extends one image and publishes it, without an app and without buildpacks, keyed <c>tenant/name</c>: what <c>grid extend</c> asks for. Its events end
/// with <see cref="Events.BuildFinished"/>, like a build's.
/// </summary>
[Alias("grid.IImageExtensionGrain")]
public interface IImageExtensionGrain : IWorkOwner, IExtensionOwner
{
    /// <summary>Starts it; repeating the call with the same key changes nothing.</summary>
    [Alias("Start")]
    Task StartAsync(ImageExtensionRequest request);

    /// <summary>Asks it to stop: it ends cancelled unless it reached another end before.</summary>
    [Alias("Cancel")]
    Task CancelAsync(string reason);
}

/// <summary>Which image to extend, by which Dockerfiles, and where to write the result.</summary>
[GenerateSerializer, Immutable, Alias("grid.ImageExtensionRequest")]
public sealed record ImageExtensionRequest
{
    /// <summary>Who asks: the scope of cached steps.</summary>
    [Id(0)] public required string Tenant { get; init; }

    /// <summary>Which rules apply: a run image must not end as root.</summary>
    [Id(1)] public required ImageKind Kind { get; init; }

    /// <summary>The image to extend, pinned.</summary>
    [Id(2)] public required PinnedImage Base { get; init; }

    /// <summary>In the order they are applied.</summary>
    [Id(3)] public required ExtensionDockerfileSource[] Dockerfiles { get; init; }

    /// <summary>Names to write the image under.</summary>
    [Id(4)] public required string[] Targets { get; init; }

    /// <summary>Value of the <c>build_id</c> argument of every Dockerfile.</summary>
    [Id(5)] public required string BuildId { get; init; }

    /// <summary>Ignore cached steps and run them again.</summary>
    [Id(6)] public bool Refresh { get; init; }

    /// <summary>W3C trace context of the request.</summary>
    [Id(7)] public string? TraceParent { get; init; }
}
