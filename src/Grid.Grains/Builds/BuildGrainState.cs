using Grid.Contracts.Apps;
using Grid.Contracts.Builds;
using Grid.Contracts.Tenants;
using Grid.Grains.Machines;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Extend;

namespace Grid.Grains.Builds;

/// <summary>What is stored of a build: the request, where it stands, and each phase's outcome by digest.</summary>
[GenerateSerializer, Alias("grid.BuildState")]
public sealed class BuildGrainState
{
    [Id(0)] public int SchemaVersion { get; set; } = 1;

    [Id(1)] public BuildRequest? Request { get; set; }

    [Id(2)] public BuildProgress Progress { get; set; } = new();

    /// <summary>Trace context of the build's own span.</summary>
    [Id(3)] public string? TraceParent { get; set; }

    /// <summary>The value of <c>build_id</c>.</summary>
    [Id(4)] public string BuildId { get; set; } = "";

    [Id(5)] public AnalyzeResult? Analyzed { get; set; }

    [Id(6)] public Detection? Detection { get; set; }

    [Id(7)] public ExtendedImage? BuildImage { get; set; }

    [Id(8)] public ExtendedImage? RunImage { get; set; }

    [Id(9)] public ExtensionRecord[] BuildRecords { get; set; } = [];

    [Id(10)] public ExtensionRecord[] RunRecords { get; set; } = [];

    [Id(11)] public PackedApp? App { get; set; }

    [Id(12)] public PublishedImage? Image { get; set; }

    /// <summary>What the app's earlier builds left.</summary>
    [Id(13)] public AppRecord History { get; set; } = new();

    /// <summary>When it was accepted; id 14 was the node, which is part of the progress now.</summary>
    [Id(15)] public DateTimeOffset SubmittedAt { get; set; }

    /// <summary>The tenant's bounds when it was let in; null without a tenant.</summary>
    [Id(60)] public TenantQuota? Quota { get; set; }

    /// <summary>When it first got a node.</summary>
    [Id(61)] public DateTimeOffset? StartedAt { get; set; }

    /// <summary>When the build reached its end.</summary>
    [Id(20)] public DateTimeOffset? FinishedAt { get; set; }

    /// <summary>The attempt that was last allowed to write the image's names.</summary>
    [Id(21)] public PublishIntent? Publishing { get; set; }

    /// <summary>When phases ran, indexed by <see cref="Phase"/>; empty in what earlier versions stored.</summary>
    [Id(90)] public PhaseTime[] Times { get; set; } = [];

    /// <summary>The source that analyze has fetched; null when it was uploaded.</summary>
    [Id(91)] public FetchedSource? Fetched { get; set; }

    /// <summary>What analyze has found of an image that is extended by itself.</summary>
    [Id(92)] public PinnedExtension? Pinned { get; set; }
}
