using System.Text.Json.Serialization;
using Grid.Buildpacks;
using Grid.Lifecycle;

namespace Grid.Contracts.Builds;

/// <summary>What is known of a build beyond where it stands: what detection found, what the image is made of, and when phases ran.</summary>
[GenerateSerializer, Immutable, Alias("grid.BuildDetails")]
public sealed record BuildDetails
{
    /// <summary>The builder, pinned; null before analyze has ended.</summary>
    [Id(0)] public string? Builder { get; init; }

    /// <summary>The run image below all extensions, pinned; null before analyze has ended.</summary>
    [Id(1)] public string? RunImage { get; init; }

    /// <summary>Null before detection has ended, as the plan.</summary>
    [Id(2)] public Group? Group { get; init; }

    [Id(3)] public BuildPlan? Plan { get; init; }

    /// <summary>The Dockerfiles that extensions generated and that change something, in the order they are applied.</summary>
    [Id(4)] public ExtensionDockerfileSource[] Dockerfiles { get; init; } = [];

    /// <summary>Layers of the app image, bottom first, as far as they are known.</summary>
    [Id(5)] public ImageLayer[] Layers { get; init; } = [];

    /// <summary>When phases began and ended, indexed by <see cref="Phase"/>; empty for builds of earlier versions of Grid.</summary>
    [Id(6)] public PhaseTime[] Times { get; init; } = [];

    /// <summary>The W3C trace id of the build; null when it is not traced.</summary>
    [Id(7)] public string? TraceId { get; init; }

    /// <summary>The text of project-metadata.toml for source that a node has fetched: where it is from, and which version it is.</summary>
    [Id(8)] public string? ProjectMetadata { get; init; }
}

/// <summary>When a phase ran; of several attempts, from the begin of the first.</summary>
[GenerateSerializer, Immutable, Alias("grid.PhaseTime")]
public sealed record PhaseTime([property: Id(0)] DateTimeOffset? StartedAt, [property: Id(1)] DateTimeOffset? FinishedAt);

/// <summary>A layer of an app image.</summary>
/// <param name="Origin">Who brought it.</param>
/// <param name="Name">The extension, the buildpack's layer, or what the lifecycle calls it.</param>
/// <param name="DiffId">Digest of the uncompressed layer.</param>
/// <param name="Size">Compressed bytes.</param>
[GenerateSerializer, Immutable, Alias("grid.ImageLayer")]
public sealed record ImageLayer([property: Id(0)] LayerOrigin Origin, [property: Id(1)] string Name, [property: Id(2)] string DiffId, [property: Id(3)] long Size)
{
    /// <summary>The instruction or step that made it, as the image's history words it.</summary>
    [Id(4)] public string CreatedBy { get; init; } = "";

    /// <summary>The app's previous image has it too.</summary>
    [Id(5)] public bool Reused { get; init; }
}

/// <summary>Who brings a layer of an app image.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<LayerOrigin>))]
public enum LayerOrigin
{
    /// <summary>The run image.</summary>
    Base = 0,
    Extension = 1,
    Buildpack = 2,
    /// <summary>The app's own files.</summary>
    App = 3,
    /// <summary>Launcher, configuration, process types and SBOMs.</summary>
    Lifecycle = 4,
}
