using Grid.Contracts.Queues;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Contracts.Builds;

/// <summary>What a build is asked to do. Everything in it is validated before the build is accepted.</summary>
[GenerateSerializer, Immutable, Alias("grid.BuildRequest")]
public sealed record BuildRequest
{
    /// <summary>The pool of a grid that has one only.</summary>
    public const string DefaultPool = "default";

    /// <summary>Who builds; scopes caches and secrets.</summary>
    [Id(0)] public required string Tenant { get; init; }

    /// <summary>Name of the app within the tenant; builds of one app share history, caches and prior-build metadata.</summary>
    [Id(1)] public required string App { get; init; }

    /// <summary>Stands for source that is not here yet: see <see cref="Origin"/>.</summary>
    public static readonly Layer NoSource = new(new Descriptor("", default, 0), default);

    /// <summary>The packed source, in the content store; <see cref="NoSource"/> when a node fetches it, or when there is none.</summary>
    [Id(2)] public required Layer Source { get; init; }

    /// <summary>Where the builder image is (an <c>ImageLocation</c>); empty when <see cref="Extension"/> or <see cref="Rebase"/> says what to do.</summary>
    [Id(3)] public required string Builder { get; init; }

    /// <summary>Names to publish the image under; the first is the image's name, the others are tags on the same registry.</summary>
    [Id(4)] public required string[] Targets { get; init; }

    /// <summary>Run image to use instead of the one the builder names.</summary>
    [Id(5)] public string? RunImage { get; init; }

    /// <summary>Image whose layers and metadata are reused; the first target when null.</summary>
    [Id(6)] public string? PreviousImage { get; init; }

    /// <summary>User-provided environment, laid out as files in <c>&lt;platform&gt;/env</c>.</summary>
    [Id(7)] public Dictionary<string, string> Environment { get; init; } = [];

    /// <summary>Where the value of the <c>build_id</c> argument of every Dockerfile comes from (<see cref="BuildIdPolicy"/>); null for a fresh one.</summary>
    [Id(8)] public string? BuildId { get; init; }

    /// <summary>Process type the image starts by default, when the buildpacks' own choice is not wanted.</summary>
    [Id(9)] public string? DefaultProcess { get; init; }

    /// <summary>W3C trace context of the request, so that resumed work continues its trace.</summary>
    [Id(10)] public string? TraceParent { get; init; }

    /// <summary>Ignore cached Dockerfile steps and run them again.</summary>
    [Id(11)] public bool RefreshExtensions { get; init; }

    /// <summary>Seconds since the epoch for <c>created</c>; null for 1980-01-01T00:00:01Z.</summary>
    [Id(12)] public long? SourceDateEpoch { get; init; }

    /// <summary>Pool of nodes that builds it.</summary>
    [Id(30)] public string Pool { get; init; } = DefaultPool;

    /// <summary>Who waits for it.</summary>
    [Id(31)] public BuildClass Class { get; init; }

    /// <summary>Among builds of the tenant of the same class, higher goes first.</summary>
    [Id(32)] public int Priority { get; init; }

    /// <summary>Ids of the secrets given with this build alone; their values are sealed under the build's key until it has ended.</summary>
    [Id(60)] public string[] SecretIds { get; init; } = [];

    /// <summary>Where a node gets the source; null when it was uploaded.</summary>
    [Id(90)] public SourceOrigin? Origin { get; init; }

    /// <summary>The image to extend by itself; null when an app is built.</summary>
    [Id(91)] public ImageExtension? Extension { get; init; }

    /// <summary>How to put <see cref="PreviousImage"/> (the first target when null) on <see cref="RunImage"/> (the one its label names when null); null when an app is built.</summary>
    [Id(92)] public ImageRebase? Rebase { get; init; }
}
