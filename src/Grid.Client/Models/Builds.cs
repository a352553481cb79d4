using Grid.Contracts.Builds;
using Grid.Dockerfiles;

namespace Grid.Client.Models;

/// <summary>Asks for a build: <c>POST /v1/tenants/{tenant}/builds</c>.</summary>
public sealed record BuildSubmission
{
    /// <summary>Name of the app within the tenant; the image's name without registry and tag when it is left out.</summary>
    public string? App { get; init; }

    /// <summary>Image to write, such as <c>registry.example/team/app:v1</c>.</summary>
    public required string Image { get; init; }

    /// <summary>More names for it, on the same registry.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];

    /// <summary>Builder image; left out with <see cref="Extension"/> and with <see cref="Rebase"/>.</summary>
    public string? Builder { get; init; }

    /// <summary>An image to extend by itself, in place of an app to build: then there is no builder, no source, and no environment.</summary>
    public ImageExtensionSubmission? Extension { get; init; }

    /// <summary>
    /// Puts an app image, <see cref="PreviousImage"/> or else <see cref="Image"/>, on <see cref="RunImage"/> or else on the one that its label names: then there is no builder, no source, and
    /// no environment.
    /// </summary>
    public ImageRebaseSubmission? Rebase { get; init; }

    /// <summary>The uploaded source; left out when a node of the grid fetches it: exactly one of source, git and sourceImage is given.</summary>
    public SourceUpload? Source { get; init; }

    /// <summary>A git repository that has the source.</summary>
    public GitSource? Git { get; init; }

    /// <summary>An image in a registry whose files are the source.</summary>
    public string? SourceImage { get; init; }

    /// <summary>Directory of the repository, or of the source image, that is the app: relative, with '/'. All of it when it is left out.</summary>
    public string? SourcePath { get; init; }

    /// <summary>Run image to use instead of the one the builder names.</summary>
    public string? RunImage { get; init; }

    /// <summary>Image whose layers are reused; the app image itself when it is left out.</summary>
    public string? PreviousImage { get; init; }

    /// <summary>Environment for buildpacks and extensions.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    /// <summary>Secrets of this build alone, by the id that <c>RUN --mount=type=secret</c> asks for; kept sealed until the build has ended, and never given back.</summary>
    public IReadOnlyDictionary<string, byte[]> Secrets { get; init; } = new Dictionary<string, byte[]>();

    /// <summary>
    /// Where the <c>build_id</c> argument of Dockerfiles comes from: <c>per-build</c> (a new UUID, as when it is left out), <c>per-period=DURATION</c>, <c>pinned=UUID</c>,
    /// <c>replay=BUILD</c> (or <c>replay=last</c>), or a UUID, which is pinned.
    /// </summary>
    public string? BuildId { get; init; }

    /// <summary>Process type the image starts.</summary>
    public string? DefaultProcess { get; init; }

    /// <summary>Run Dockerfile steps although they are cached.</summary>
    public bool RefreshExtensions { get; init; }

    /// <summary>Seconds since 1970 for the image's creation time.</summary>
    public long? SourceDateEpoch { get; init; }

    /// <summary>Pool of nodes that does it; <c>default</c> when it is left out.</summary>
    public string? Pool { get; init; }
}

/// <summary>How to put an app image on another run image.</summary>
public sealed record ImageRebaseSubmission
{
    /// <summary>Rebase even where it is unsafe: checks become warnings.</summary>
    public bool Force { get; init; }
}

/// <summary>Dockerfiles to apply to an image as extensions' Dockerfiles are.</summary>
public sealed record ImageExtensionSubmission
{
    /// <summary>Whose rules apply: a build image's, or a run image's, which must not end as root.</summary>
    public required ImageKind Kind { get; init; }

    /// <summary>The image to extend.</summary>
    public required string Base { get; init; }

    /// <summary>In the order they are applied.</summary>
    public required IReadOnlyList<DockerfileSubmission> Dockerfiles { get; init; }
}

/// <summary>A Dockerfile to apply.</summary>
public sealed record DockerfileSubmission
{
    /// <summary>Stands for the extension in messages and in the cache.</summary>
    public required string Extension { get; init; }

    /// <summary>Name of the file, for messages.</summary>
    public required string File { get; init; }

    /// <summary>What is in it.</summary>
    public required string Text { get; init; }

    /// <summary>Values of its ARGs.</summary>
    public IReadOnlyList<ArgumentResource> Args { get; init; } = [];

    /// <summary>The uploaded build context; none when it is left out.</summary>
    public SourceUpload? Context { get; init; }
}

/// <summary>An archive that was uploaded by <c>PUT /v1/tenants/{tenant}/uploads/{digest}</c>.</summary>
/// <param name="Digest">Digest of the compressed bytes.</param>
/// <param name="DiffId">Digest of the tar inside.</param>
/// <param name="Size">Compressed bytes.</param>
/// <param name="MediaType">An OCI layer media type.</param>
public sealed record SourceUpload(string Digest, string DiffId, long Size, string MediaType);

/// <summary>A git repository. The commit that was built is in the build's project-metadata.toml, and in the image's label <c>io.buildpacks.project.metadata</c>.</summary>
/// <param name="Url">https or ssh, without credentials. Submodules and content of git LFS are not fetched.</param>
public sealed record GitSource(string Url)
{
    /// <summary>Branch, tag or commit; the repository's default branch when it is left out.</summary>
    public string? Revision { get; init; }

    /// <summary>Id of a secret of the tenant or of this build: lines as git's credential store has them (<c>https://USER:TOKEN@HOST</c>), or a private key for ssh.</summary>
    public string? Secret { get; init; }

    /// <summary>For ssh: lines of a known_hosts file for the host.</summary>
    public string? KnownHosts { get; init; }
}

/// <summary>A build.</summary>
public sealed record BuildResource
{
    /// <summary>Unique within the tenant; sorts by the time of submission.</summary>
    public required string Id { get; init; }

    public required string Tenant { get; init; }

    public required string App { get; init; }

    /// <summary>The image that is asked for.</summary>
    public required string Image { get; init; }

    public required BuildState State { get; init; }

    public required DateTimeOffset SubmittedAt { get; init; }

    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>State of each phase by its name.</summary>
    public IReadOnlyDictionary<Phase, PhaseState> Phases { get; init; } = new Dictionary<Phase, PhaseState>();

    public BuildFailure? Failure { get; init; }

    /// <summary>Digest of the image's manifest.</summary>
    public string? Digest { get; init; }

    /// <summary>Where it was written, pinned by digest.</summary>
    public IReadOnlyList<string> Locations { get; init; } = [];
}

/// <summary>Why a build failed.</summary>
/// <param name="ExitCode">The specification's exit code of the phase.</param>
/// <param name="Phase">The phase.</param>
/// <param name="Message">What, where, and what to do.</param>
/// <param name="Output">Last output of the command that failed.</param>
public sealed record BuildFailure(int ExitCode, Phase? Phase, string Message, string? Output)
{
    /// <summary>Stable word for programs, where there is one: a code of docs/errors.md.</summary>
    public string? Code { get; init; }
}

/// <summary>A page of a list.</summary>
/// <param name="Items">The page, newest first where there is a time.</param>
/// <param name="Next">Value of <c>after</c> for the next page; null at the end.</param>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Next);
