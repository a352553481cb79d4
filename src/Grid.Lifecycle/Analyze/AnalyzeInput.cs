using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Analyze;

/// <summary>What a build was asked for.</summary>
public sealed record AnalyzeInput
{
    /// <summary>The builder image.</summary>
    public required ImageLocation Builder { get; init; }

    /// <summary>Where the app image goes; the first is the image's name, the others are further tags.</summary>
    public required IReadOnlyList<ImageLocation> Targets { get; init; }

    /// <summary>The run image, when the builder's own is not wanted.</summary>
    public ImageLocation? RunImage { get; init; }

    /// <summary>The image to reuse layers of; the first target when null.</summary>
    public ImageLocation? PreviousImage { get; init; }

    /// <summary>What the app is to run on, and so which images of indexes are taken.</summary>
    public required Platform Platform { get; init; }
}
