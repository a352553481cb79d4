using Grid.Oci.Images;

namespace Grid.Contracts.Builds;

/// <summary>Where a build's node gets the source, when it was not uploaded: exactly one of the two. Analyze fetches and pins it.</summary>
[GenerateSerializer, Immutable, Alias("grid.SourceOrigin")]
public sealed record SourceOrigin
{
    /// <summary>A git repository.</summary>
    [Id(0)] public GitOrigin? Git { get; init; }

    /// <summary>An image in a registry whose files are the source.</summary>
    [Id(1)] public string? Image { get; init; }

    /// <summary>Directory within it that is the app, with '/'; empty for all of it.</summary>
    [Id(2)] public string Path { get; init; } = "";
}

/// <summary>A git repository and what of it to build.</summary>
[GenerateSerializer, Immutable, Alias("grid.GitOrigin")]
public sealed record GitOrigin
{
    /// <summary>An https or ssh URL without credentials.</summary>
    [Id(0)] public required string Url { get; init; }

    /// <summary>Branch, tag or commit; null for the repository's default branch.</summary>
    [Id(1)] public string? Revision { get; init; }

    /// <summary>Id of the secret to sign in with: lines of git's credential store, or a private key for ssh; null for none.</summary>
    [Id(2)] public string? Secret { get; init; }

    /// <summary>For ssh: lines of a known_hosts file.</summary>
    [Id(3)] public string? KnownHosts { get; init; }
}

/// <summary>Source that a node has fetched.</summary>
/// <param name="Archive">The packed source, in the content store.</param>
/// <param name="ProjectMetadata">The text of project-metadata.toml: where it is from, and which version it is.</param>
[GenerateSerializer, Immutable, Alias("grid.FetchedSource")]
public sealed record FetchedSource([property: Id(0)] Layer Archive, [property: Id(1)] string ProjectMetadata);
