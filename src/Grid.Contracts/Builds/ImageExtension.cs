using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Oci.Images;

namespace Grid.Contracts.Builds;

/// <summary>
/// An image that a build extends by itself, without an app and without buildpacks: what <c>grid extend</c> asks for. Such a build pins the image in analyze, applies
/// the Dockerfiles, and exports the result; all other phases are skipped.
/// </summary>
[GenerateSerializer, Immutable, Alias("grid.ImageExtension")]
public sealed record ImageExtension
{
    /// <summary>Which rules apply: a run image must not end as root.</summary>
    [Id(0)] public required ImageKind Kind { get; init; }

    /// <summary>Where the image to extend is (an <c>ImageLocation</c>).</summary>
    [Id(1)] public required string Base { get; init; }

    /// <summary>In the order they are applied.</summary>
    [Id(2)] public required GivenDockerfile[] Dockerfiles { get; init; }
}

/// <summary>A Dockerfile that came with the request, in place of one that an extension generates.</summary>
[GenerateSerializer, Immutable, Alias("grid.GivenDockerfile")]
public sealed record GivenDockerfile
{
    /// <summary>Stands for the extension in messages and in what is recorded.</summary>
    [Id(0)] public required string Extension { get; init; }

    /// <summary>For messages.</summary>
    [Id(1)] public required string FileName { get; init; }

    [Id(2)] public required string Text { get; init; }

    /// <summary>Values of its ARGs.</summary>
    [Id(3)] public BuildArg[] Args { get; init; } = [];

    /// <summary>The packed build context, in the content store; null for an empty one.</summary>
    [Id(4)] public Layer? Context { get; init; }
}

/// <summary>An extension whose inputs are all known by digest.</summary>
/// <param name="Base">The image, pinned.</param>
/// <param name="Dockerfiles">The Dockerfiles with their contexts indexed.</param>
[GenerateSerializer, Immutable, Alias("grid.PinnedExtension")]
public sealed record PinnedExtension([property: Id(0)] PinnedImage Base, [property: Id(1)] ExtensionDockerfileSource[] Dockerfiles);
