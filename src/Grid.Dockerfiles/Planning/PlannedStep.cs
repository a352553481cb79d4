using System.Text.Json.Serialization;
using Grid.Dockerfiles.Syntax;
using Grid.Oci;

namespace Grid.Dockerfiles.Planning;

/// <summary>
/// One instruction applied to a state: everything that is known before anything runs. It can be sent to another machine and run there.
/// </summary>
[JsonDerivedType(typeof(ConfigStep), "config")]
[JsonDerivedType(typeof(RunStep), "run")]
[JsonDerivedType(typeof(CopyStep), "copy")]
[JsonDerivedType(typeof(WorkdirStep), "workdir")]
public abstract record PlannedStep
{
    /// <summary>Position among the instructions behind FROM, from 0.</summary>
    public required int Position { get; init; }

    /// <summary>Where the instruction stands.</summary>
    public required SourceSpan Source { get; init; }

    /// <summary>The file's name, for messages.</summary>
    public required string FileName { get; init; }

    /// <summary>The instruction's canonical text, for logs and history.</summary>
    public required string Text { get; init; }

    /// <summary>The state before.</summary>
    public required ImageState Before { get; init; }

    /// <summary>The configuration after, over the layers before.</summary>
    public required ImageState Next { get; init; }

    /// <summary>The ARGs after; given to <see cref="StagePlanner.Plan"/> for the next step.</summary>
    public required StageScope Scope { get; init; }

    /// <summary>Whether it can make a layer, so that it has to be looked up or run.</summary>
    [JsonIgnore]
    public virtual bool NeedsLayer => true;

    /// <summary>The state after the step, with the layer it made (null or empty when it made none).</summary>
    public ImageState After(Digest? diffId) => Next.WithLayer(diffId);

    internal DockerfileException Error(string what, string advice) => new(FileName, Source.Line, Source.Column, what, advice);
}

/// <summary>Changes the configuration or the scope only: no sandbox, no layer.</summary>
public sealed record ConfigStep : PlannedStep
{
    [JsonIgnore]
    public override bool NeedsLayer => false;
}

/// <summary>Runs a command.</summary>
public sealed record RunStep : PlannedStep
{
    /// <summary>Executable and arguments; the shell is already in front for shell form.</summary>
    public required IReadOnlyList<string> Argv { get; init; }

    /// <summary>
    /// <c>NAME=value</c>: the image's Env (a default PATH when it has none), then the declared ARGs that Env does not name. HOME is not in
    /// it unless the image sets it: whoever runs the step adds it from the user's passwd entry.
    /// </summary>
    public required IReadOnlyList<string> Environment { get; init; }

    /// <summary>Proxy variables: added to <see cref="Environment"/> when it runs, but no part of the step's key.</summary>
    public IReadOnlyList<string> ProxyEnvironment { get; init; } = [];

    /// <summary>USER as the image has it, such as <c>1001:1001</c> or <c>cnb</c>; empty means root. <see cref="UserText"/> reads it.</summary>
    public required string User { get; init; }

    /// <summary>Absolute; made (0755, root) when it is not there.</summary>
    public required string WorkingDirectory { get; init; }

    /// <summary>The mounts, in the order written.</summary>
    public IReadOnlyList<RunMount> Mounts { get; init; } = [];

    /// <summary>Whether the command sees the network.</summary>
    public RunNetwork Network { get; init; }

    /// <summary>A script to be mounted (read-only, mode 0755, root) at its path while the command runs, for a here-document that begins with <c>#!</c>.</summary>
    public InlineFile? Script { get; init; }
}

/// <summary>RUN's network.</summary>
public enum RunNetwork
{
    /// <summary>What the grid's policy gives.</summary>
    Default = 0,
    None = 1,
}

/// <summary>A file whose content stands in the Dockerfile.</summary>
/// <param name="Name">File name for COPY; absolute path for a RUN script.</param>
/// <param name="Content">Text; written as UTF-8.</param>
public sealed record InlineFile(string Name, string Content);

/// <summary>COPY or ADD. New files belong to <see cref="Chown"/> or else root, as Docker does.</summary>
public sealed record CopyStep : PlannedStep
{
    /// <summary>Context paths and patterns, expanded.</summary>
    public required IReadOnlyList<string> Sources { get; init; }

    /// <summary>URLs to fetch (ADD only).</summary>
    public IReadOnlyList<string> Urls { get; init; } = [];

    /// <summary>What the only URL's bytes must hash to, or null.</summary>
    public Digest? Checksum { get; init; }

    /// <summary>Files from here-documents, expanded; mode 0644 unless <see cref="Chmod"/>.</summary>
    public IReadOnlyList<InlineFile> InlineFiles { get; init; } = [];

    /// <summary>Absolute and normalized, without a trailing slash (but the root itself).</summary>
    public required string Destination { get; init; }

    /// <summary>Whether the destination was written as a directory (<c>/d/</c>, <c>.</c>). If not, and a directory is there in the image, files go into it as well.</summary>
    public bool DestinationIsDirectory { get; init; }

    /// <summary><c>user[:group]</c>, names or numbers, or null for root.</summary>
    public string? Chown { get; init; }

    /// <summary>What to make of the modes of everything copied, or null to keep the context's.</summary>
    public ModeChange? Chmod { get; init; }

    /// <summary>
    /// <c>--link</c>: the layer is made in an empty root and put on the image, so neither it nor its key depends on what is below. Directories on the way to
    /// the destination are made anew, and links of the image are replaced by them, not followed.
    /// </summary>
    public bool Link { get; init; }

    /// <summary><c>--exclude</c> patterns.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary><c>--parents</c>: parent directories of sources are kept.</summary>
    public bool Parents { get; init; }

    /// <summary>Whether it is ADD.</summary>
    public bool IsAdd { get; init; }

    /// <summary>Whether local archives (tar, plain or compressed) are unpacked into the destination.</summary>
    public bool Unpack { get; init; }

    /// <summary>Whether fetched archives are unpacked.</summary>
    public bool UnpackUrls { get; init; }
}

/// <summary>WORKDIR: makes the directory when it is not there.</summary>
public sealed record WorkdirStep : PlannedStep
{
    /// <summary>Absolute and normalized; never the root, which needs no step.</summary>
    public required string Path { get; init; }

    /// <summary>Who owns the directories that are made: the USER in force, as BuildKit does; empty means root.</summary>
    public required string User { get; init; }
}
