using Grid.Contracts.Apps;
using Grid.Contracts.Tenants;
using Grid.Dockerfiles;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Extend;
using Grid.Oci;
using Grid.Oci.Images;
using Grid.Contracts.Work;
using Orleans.CodeGeneration;
using Orleans.Concurrency;

namespace Grid.Contracts.Builds;

/// <summary>Detects and generates for one build, keyed like the build.</summary>
[Alias("grid.IDetectionGrain")]
public interface IDetectionGrain : IWorkOwner
{
    /// <summary>Starts detection on a node, or attaches to the one that runs. Another handle takes it to another node.</summary>
    [Alias("Start")]
    Task StartAsync(DetectWork work, string node);

    /// <summary>Stops it; the build is told when nothing runs any more.</summary>
    [Alias("Cancel")]
    Task CancelAsync();

    /// <summary>Forgets everything: its build is gone.</summary>
    [Alias("Forget")]
    Task ForgetAsync();
}

/// <summary>How detection ended: a result or a failure.</summary>
[GenerateSerializer, Immutable, Alias("grid.DetectionOutcome")]
public sealed record DetectionOutcome
{
    [Id(0)] public Detection? Result { get; init; }

    [Id(1)] public Failure? Failure { get; init; }
}

/// <summary>Extends one image, keyed <c>tenant/build/kind</c>, for a build or for somebody who only wants the image. The two of a build run at the same time.</summary>
[Alias("grid.IExtenderGrain"), Version(1)]
public interface IExtenderGrain : IWorkOwner
{
    /// <summary>Starts applying the Dockerfiles, or attaches. A request with a higher <see cref="ExtendRequest.Attempt"/> takes the chain to its node.</summary>
    [Alias("Start")]
    Task StartAsync(ExtendRequest request);

    /// <summary>Stops it; the owner is told when nothing runs any more. False when nothing was started: nobody will tell.</summary>
    [Alias("Cancel")]
    Task<bool> CancelAsync();

    /// <summary>A step this chain waits for has a result, or its runner gave up.</summary>
    [Alias("StepReleased")]
    Task StepReleasedAsync(string stepKey);

    /// <summary>The steps that were reached so far, in order.</summary>
    [Alias("GetSteps"), ReadOnly]
    Task<StepStatus[]> GetStepsAsync();

    /// <summary>Forgets everything: its owner is gone.</summary>
    [Alias("Forget")]
    Task ForgetAsync();
}

/// <summary>Keys of the extender grains of a build.</summary>
public static class ExtenderKeys
{
    /// <summary>The one that extends this image of it.</summary>
    public static string Of(string buildKey, ImageKind kind) => $"{buildKey}/{(kind == ImageKind.Build ? "build" : "run")}";
}

/// <summary>A grain that asked for an image to be extended and is told how it ended.</summary>
[Alias("grid.IExtensionOwner")]
public interface IExtensionOwner : IGrainWithStringKey
{
    /// <summary>An extender grain's answer. Repeated ones and those that are no longer wanted are ignored.</summary>
    [Alias("Extended")]
    Task ExtendedAsync(ExtensionOutcome outcome);
}

/// <summary>What an extender grain is asked to do.</summary>
[GenerateSerializer, Immutable, Alias("grid.ExtendRequest")]
public sealed record ExtendRequest
{
    [Id(0)] public required string BuildKey { get; init; }

    /// <summary>What the tenant's builds reach.</summary>
    [Id(60)] public Egress Egress { get; init; }

    [Id(1)] public required ImageKind Kind { get; init; }

    /// <summary>The image to extend, pinned.</summary>
    [Id(2)] public required PinnedImage Base { get; init; }

    /// <summary>The Dockerfiles of this kind in the order of their extensions.</summary>
    [Id(3)] public required ExtensionDockerfileSource[] Dockerfiles { get; init; }

    /// <summary>The tenant: who may use the cache entries this chain makes, unless they are provably nobody's own.</summary>
    [Id(4)] public required string Scope { get; init; }

    /// <summary>Value of <c>build_id</c>.</summary>
    [Id(5)] public required string BuildId { get; init; }

    /// <summary>What the app's last build recorded for the same kind: explains misses.</summary>
    [Id(6)] public ExtensionRecord[] Previous { get; init; } = [];

    [Id(7)] public bool Refresh { get; init; }

    [Id(8)] public string? TraceParent { get; init; }

    /// <summary>Node that works for this build.</summary>
    [Id(9)] public required string Node { get; init; }

    /// <summary>The <see cref="IExtensionOwner"/> to tell.</summary>
    [Id(10)] public required GrainId Owner { get; init; }

    /// <summary>Manifest digest of the builder the extensions came with; empty when no builder brought them.</summary>
    [Id(11)] public Digest Builder { get; init; }

    /// <summary>When the build was accepted: a refreshing one takes no result that is older.</summary>
    [Id(12)] public DateTimeOffset StartedAt { get; init; }

    /// <summary>The app's previous image, when its extension layers may be used again.</summary>
    [Id(13)] public PriorImage? Prior { get; init; }

    /// <summary>Whether <see cref="BuildId"/> is another one in each build: then whoever declares it is told what that costs.</summary>
    [Id(14)] public bool BuildIdIsFresh { get; init; }

    /// <summary>Counts from 1; a chain whose node was lost goes on from its last finished step with the next one.</summary>
    [Id(20)] public int Attempt { get; init; } = 1;
}

/// <summary>An image of an earlier build whose layers can be used without being made again.</summary>
/// <param name="Location">Where it is, pinned.</param>
/// <param name="Layers">Its layers as manifest and configuration name them: the only proof of what is in it.</param>
[GenerateSerializer, Immutable, Alias("grid.PriorImage")]
public sealed record PriorImage([property: Id(0)] string Location, [property: Id(1)] Layer[] Layers);

/// <summary>How extending ended: an image or a failure.</summary>
[GenerateSerializer, Immutable, Alias("grid.ExtensionOutcome")]
public sealed record ExtensionOutcome
{
    [Id(0)] public required ImageKind Kind { get; init; }

    [Id(1)] public ExtendedImage? Result { get; init; }

    [Id(2)] public Failure? Failure { get; init; }

    /// <summary>What to remember for the app's next build.</summary>
    [Id(3)] public ExtensionRecord[] Records { get; init; } = [];
}
