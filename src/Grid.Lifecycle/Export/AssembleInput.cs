using Grid.Buildpacks.Metadata;
using Grid.Lifecycle.Analyze;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Export;

/// <summary>What an app image is put together from.</summary>
public sealed record AssembleInput
{
    public required PhaseEnvironment Environment { get; init; }

    /// <summary>The run image as it is without extensions; when an extension switched it, the other one.</summary>
    public required PinnedImage RunImage { get; init; }

    /// <summary>The name a rebase looks for, and its mirrors; none when the platform knows none.</summary>
    public RunImageNames? RunImageNames { get; init; }

    public required PackedApp App { get; init; }

    /// <summary>What extensions put on the run image, bottom first.</summary>
    public IReadOnlyList<ExtensionLayer> ExtensionLayers { get; init; } = [];

    /// <summary>The extended run image's configuration: environment, user, labels, shell. Null when nothing extended the run image.</summary>
    public ContainerConfig? ExtendedConfig { get; init; }

    /// <summary>Whether every run.Dockerfile says the image may be rebased; only asked for extended images, whose label says it explicitly.</summary>
    public bool? Rebasable { get; init; }

    /// <summary>The default process; the buildpacks' choice when null.</summary>
    public string? ProcessType { get; init; }

    /// <summary>Text of project-metadata.toml, when the platform knows where the source comes from.</summary>
    public string? ProjectMetadataToml { get; init; }

    /// <summary>SOURCE_DATE_EPOCH; 1980-01-01T00:00:01Z when null.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>
    /// Whether the image is one of OCI's media types even when its run image is one of Docker's: in an OCI layout there are no others, and tools look for no others.
    /// </summary>
    public bool OciMediaTypes { get; init; }

    /// <summary>Labels of the platform's own, set last.</summary>
    public IReadOnlyDictionary<string, string> ExtraLabels { get; init; } = new Dictionary<string, string>();
}

/// <summary>A layer an extension put on the run image.</summary>
/// <param name="Layer">Blob and diff ID.</param>
/// <param name="Instruction">The Dockerfile instruction that made it.</param>
/// <param name="ExtensionId">The extension.</param>
public sealed record ExtensionLayer(Layer Layer, string Instruction, string ExtensionId)
{
    /// <summary>Location of the image that holds the blob when it is not in the content store; else null.</summary>
    public string? Origin { get; init; }

    /// <summary>The entry in the image's history, as the reference writes it.</summary>
    public string CreatedBy { get; init; } = $"Layer: '{Instruction}', Created by extension: {ExtensionId}";
}
