using Grid.Contracts.Builds;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Keys;
using Grid.Dockerfiles.Planning;
using Grid.Lifecycle.Packages;
using Grid.Lifecycle.Restore;
using Grid.Oci;
using Orleans.Concurrency;

namespace Grid.Contracts.Apps;

/// <summary>One app, keyed <c>tenant/app</c>: its builds, its cache, and what its last extensions did.</summary>
[Alias("grid.IAppGrain")]
public interface IAppGrain : IGrainWithStringKey
{
    /// <summary>What the next build starts from.</summary>
    [Alias("Get"), ReadOnly]
    Task<AppRecord> GetAsync();

    /// <summary>Records a build that published its image. Repeating it changes nothing.</summary>
    [Alias("Published")]
    Task PublishedAsync(AppBuild build);

    /// <summary>
    /// Takes a build that is being forgotten out of the history; what the next build starts from stays. False for the newest: it is what the app is now, and
    /// what a rebase, a replay and an explanation go back to.
    /// </summary>
    [Alias("Forget")]
    Task<bool> ForgetAsync(string buildKey);
}

/// <summary>What is remembered of an app.</summary>
[GenerateSerializer, Immutable, Alias("grid.AppRecord")]
public sealed record AppRecord
{
    /// <summary>Builds that published, newest first, at most fifty.</summary>
    [Id(0)] public AppBuildSummary[] Builds { get; init; } = [];

    /// <summary>Buildpack layers marked cache=true, by digest.</summary>
    [Id(1)] public CacheMetadata? Cache { get; init; }

    /// <summary>Prior-build extension metadata of both kinds.</summary>
    [Id(2)] public ExtensionRecord[] Extensions { get; init; } = [];
}

/// <summary>A build in an app's history.</summary>
[GenerateSerializer, Immutable, Alias("grid.AppBuildSummary")]
public sealed record AppBuildSummary([property: Id(0)] string BuildKey, [property: Id(1)] PublishedImage Image, [property: Id(2)] DateTimeOffset FinishedAt);

/// <summary>A build that published, with what the next one needs.</summary>
[GenerateSerializer, Immutable, Alias("grid.AppBuild")]
public sealed record AppBuild
{
    [Id(0)] public required AppBuildSummary Summary { get; init; }

    [Id(1)] public CacheMetadata? Cache { get; init; }

    [Id(2)] public ExtensionRecord[] Extensions { get; init; } = [];
}

/// <summary>What one Dockerfile of one extension did in a build.</summary>
[GenerateSerializer, Immutable, Alias("grid.ExtensionRecord")]
public sealed record ExtensionRecord
{
    [Id(0)] public required string ExtensionId { get; init; }

    [Id(1)] public required string ExtensionVersion { get; init; }

    [Id(2)] public required ImageKind Kind { get; init; }

    /// <summary>Digest of the Dockerfile's text.</summary>
    [Id(3)] public required Digest Dockerfile { get; init; }

    /// <summary>Arguments it was applied with, but for <c>build_id</c>.</summary>
    [Id(4)] public BuildArg[] Args { get; init; } = [];

    /// <summary>Manifest digest of the image the whole chain started from.</summary>
    [Id(5)] public required Digest BaseImage { get; init; }

    [Id(6)] public StepRecord[] Steps { get; init; } = [];
}

/// <summary>A step of a Dockerfile that has a key: what it was keyed by and the layer it left.</summary>
/// <param name="Line">1-based line of the instruction.</param>
/// <param name="Key">The key with its fields; without them when it was read from an image.</param>
/// <param name="DiffId">Its layer's diff ID; empty when it changed no file.</param>
[GenerateSerializer, Immutable, Alias("grid.StepRecord")]
public sealed record StepRecord([property: Id(0)] int Line, [property: Id(1)] StepKey Key, [property: Id(2)] Digest DiffId)
{
    /// <summary>Digest of the layer's blob; empty when it changed no file.</summary>
    [Id(3)] public Digest Blob { get; init; }

    /// <summary>When it ran; null when that is not known.</summary>
    [Id(4)] public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>Packages it installed and removed; null when it changed no package database.</summary>
    [Id(5)] public PackageChanges? Packages { get; init; }

    /// <summary>Names that are root in the image's passwd behind the step; null when it was not looked at.</summary>
    [Id(6)] public string[]? RootUsers { get; init; }
}
