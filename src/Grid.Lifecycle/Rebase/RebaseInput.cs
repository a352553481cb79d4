using Grid.Lifecycle.Export;
using Grid.Oci;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Rebase;

/// <summary>What to rebase, on what, and where to.</summary>
public sealed record RebaseInput
{
    /// <summary>CNB_PLATFORM_API of whoever asks; from 0.12 on run image names are checked and target labels replaced. The newest unless a platform asks.</summary>
    public string PlatformApi { get; init; } = "0.15";

    /// <summary>The app image; it is not changed unless it is also a target.</summary>
    public required ImageLocation App { get; init; }

    /// <summary>Where the rebased image goes.</summary>
    public required IReadOnlyList<ExportTarget> Targets { get; init; }

    /// <summary>The new base as it was named; null takes the best of the names in the app's label.</summary>
    public ExportTarget? RunImage { get; init; }

    /// <summary>Turns the checks into warnings.</summary>
    public bool Force { get; init; }

    /// <summary>SOURCE_DATE_EPOCH; 1980-01-01T00:00:01Z when null.</summary>
    public DateTimeOffset? Created { get; init; }

    /// <summary>Which image of an index the app is. The base is taken for the app's own platform.</summary>
    public required Platform Platform { get; init; }

    /// <summary>Reads a name of the app's label; engines and layouts name images otherwise than registries.</summary>
    public Func<string, ImageLocation> Locate { get; init; } = ImageLocation.Parse;
}
