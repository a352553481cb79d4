using Grid.Contracts.Builds;
using Grid.Contracts.Events;
using Grid.Contracts.Steps;
using Grid.Dockerfiles;

namespace Grid.Client.Models;

/// <summary>What a build consists of: <c>GET /v1/tenants/{tenant}/builds/{build}/details</c>. It fills up while the build runs.</summary>
public sealed record BuildDetailsResource
{
    /// <summary>The builder, pinned by digest.</summary>
    public string? Builder { get; init; }

    /// <summary>The run image below all extensions, pinned by digest.</summary>
    public string? RunImage { get; init; }

    /// <summary>What detection chose; left out before it has ended, as the plan.</summary>
    public GroupResource? Group { get; init; }

    public IReadOnlyList<PlanEntryResource>? Plan { get; init; }

    /// <summary>Generated Dockerfiles that change something, in the order they are applied.</summary>
    public IReadOnlyList<DockerfileResource> Dockerfiles { get; init; } = [];

    /// <summary>Layers of the app image, bottom first, as far as they are known.</summary>
    public IReadOnlyList<LayerResource> Layers { get; init; } = [];

    /// <summary>Phases that began, in the order of the specification.</summary>
    public IReadOnlyList<PhaseResource> Phases { get; init; } = [];

    /// <summary>W3C trace id of the build, where builds are traced.</summary>
    public string? TraceId { get; init; }
}

/// <summary>The modules that take part, each kind in order.</summary>
public sealed record GroupResource(IReadOnlyList<ModuleResource> Buildpacks, IReadOnlyList<ModuleResource> Extensions);

/// <summary>A buildpack or extension.</summary>
public sealed record ModuleResource(string Id, string Version)
{
    public string? Homepage { get; init; }
}

/// <summary>Dependencies and who may provide them.</summary>
public sealed record PlanEntryResource(IReadOnlyList<ModuleResource> Providers, IReadOnlyList<RequirementResource> Requires);

/// <summary>A dependency.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Metadata">What the module that requires it says of it: a TOML document.</param>
public sealed record RequirementResource(string Name, string Metadata);

/// <summary>A Dockerfile that an extension generated.</summary>
public sealed record DockerfileResource
{
    /// <summary>Id of the extension.</summary>
    public required string Extension { get; init; }

    public required string Version { get; init; }

    /// <summary>Which image it extends.</summary>
    public required ImageKind Kind { get; init; }

    /// <summary><c>build.Dockerfile</c> or <c>run.Dockerfile</c>.</summary>
    public required string File { get; init; }

    public required string Text { get; init; }

    /// <summary>Arguments of extend-config.toml.</summary>
    public IReadOnlyList<ArgumentResource> Args { get; init; } = [];

    /// <summary>Its steps that were reached, in order.</summary>
    public IReadOnlyList<StepResource> Steps { get; init; } = [];
}

/// <summary>A build argument.</summary>
public sealed record ArgumentResource(string Name, string Value);

/// <summary>What became of an instruction.</summary>
public sealed record StepResource
{
    /// <summary>1-based line of the instruction in the Dockerfile.</summary>
    public required int Line { get; init; }

    /// <summary>1-based position among all steps of the image.</summary>
    public required int Number { get; init; }

    /// <summary>The instruction on one line.</summary>
    public required string Text { get; init; }

    /// <summary>Waiting for another build that runs it, running, or how it ended.</summary>
    public required PhaseState State { get; init; }

    /// <summary>Where its result came from.</summary>
    public StepSource? Source { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Why it ran, when it did.</summary>
    public StepMiss? Miss { get; init; }

    /// <summary>Diff ID of its layer, when it made one.</summary>
    public string? DiffId { get; init; }

    /// <summary>Compressed bytes of the layer.</summary>
    public long Size { get; init; }
}

/// <summary>A layer of the app image.</summary>
public sealed record LayerResource
{
    /// <summary>Who brought it.</summary>
    public required LayerOrigin Origin { get; init; }

    /// <summary>The run image, the extension, the buildpack's layer, or what the lifecycle calls it.</summary>
    public required string Name { get; init; }

    /// <summary>What made it, as the image's history words it.</summary>
    public string CreatedBy { get; init; } = "";

    public required string DiffId { get; init; }

    /// <summary>Compressed bytes.</summary>
    public required long Size { get; init; }

    /// <summary>The app's previous image has it too.</summary>
    public bool Reused { get; init; }
}

/// <summary>When a phase ran.</summary>
public sealed record PhaseResource(Phase Phase, PhaseState State)
{
    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }
}

/// <summary>A file that a build left.</summary>
/// <param name="Name">A path below the build's artifacts, such as <c>sbom/launch/samples_app/sbom.cdx.json</c>.</param>
/// <param name="MediaType">What it is.</param>
/// <param name="Size">Bytes.</param>
public sealed record ArtifactResource(string Name, string MediaType, long Size);
