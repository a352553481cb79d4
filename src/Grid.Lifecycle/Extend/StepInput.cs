using Grid.Dockerfiles.Keys;
using Grid.Dockerfiles.Planning;
using Grid.Lifecycle.Packages;
using Grid.Oci.Images;

namespace Grid.Lifecycle.Extend;

/// <summary>What running one Dockerfile step needs.</summary>
public sealed record StepInput
{
    /// <summary>Layers of the image so far, bottom first.</summary>
    public required IReadOnlyList<Layer> Parent { get; init; }

    /// <summary>Where the base image is, pinned: its layers are fetched from there when the node has them not.</summary>
    public required string BaseLocation { get; init; }

    /// <summary>Other images that hold layers of <see cref="Parent"/>: the app's previous one.</summary>
    public IReadOnlyList<string> Origins { get; init; } = [];

    /// <summary>The step: a run, a copy or a working directory.</summary>
    public required PlannedStep Step { get; init; }

    /// <summary>The build context of COPY and ADD.</summary>
    public required BuildContext Context { get; init; }

    /// <summary>Who may share what is cached: cache volumes of two scopes never meet.</summary>
    public required string Scope { get; init; }

    /// <summary>Content of URLs that ADD names without a checksum, as the step's key has it.</summary>
    public IReadOnlyList<FetchedUrl> Fetched { get; init; } = [];

    /// <summary>How the step is named in errors: extension, file, line and instruction.</summary>
    public required string Label { get; init; }
}

/// <summary>What running a step gave.</summary>
/// <param name="Layer">The layer; null when it changed no file.</param>
/// <param name="Packages">Packages it installed and removed; null when it changed no package database.</param>
/// <param name="RootUsers">Names that are root in the image's passwd behind the step (<see cref="UserLookup.RootUsers"/>); null when it cannot have changed and was not looked at.</param>
public sealed record StepResult(Layer? Layer, PackageChanges? Packages, IReadOnlyList<string>? RootUsers);

/// <summary>A step's command failed, or the step cannot be done; the message names extension, file, line and instruction.</summary>
public sealed class StepFailedException(string message, string? output = null) : Exception(message)
{
    /// <summary>The last output of the command.</summary>
    public string? Output { get; } = output;
}
