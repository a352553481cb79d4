using Grid.Buildpacks;
using Grid.Contracts.Builds;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Keys;
using Grid.Lifecycle;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Build;
using Grid.Lifecycle.Export;
using Grid.Lifecycle.Extend;
using Grid.Lifecycle.Packages;
using Grid.Lifecycle.Restore;
using Grid.Oci.Images;

namespace Grid.Contracts.Work;

/// <summary>Something a node is asked to do for a build.</summary>
[GenerateSerializer, Immutable, Alias("grid.WorkItem")]
public abstract record WorkItem
{
    /// <summary>Deterministic name, <c>build/phase#attempt</c>: the same handle is the same work, started once.</summary>
    [Id(0)] public required string Handle { get; init; }

    /// <summary>Whose build it is: <c>tenant/build</c>.</summary>
    [Id(1)] public required string BuildKey { get; init; }

    /// <summary>Who builds: the first part of <see cref="BuildKey"/>.</summary>
    public string Tenant => BuildKey.Split('/', 2)[0];

    /// <summary>The grain to tell.</summary>
    [Id(2)] public required GrainId Owner { get; init; }

    /// <summary>Trace context to continue.</summary>
    [Id(3)] public string? TraceParent { get; init; }
}

/// <summary>Work's answer.</summary>
[GenerateSerializer, Immutable, Alias("grid.WorkResult")]
public abstract record WorkResult;

/// <summary>Analyze: pin images and check access.</summary>
[GenerateSerializer, Immutable, Alias("grid.AnalyzeWork")]
public sealed record AnalyzeWork : WorkItem
{
    [Id(0)] public required string Builder { get; init; }

    [Id(1)] public required string[] Targets { get; init; }

    [Id(2)] public string? RunImage { get; init; }

    [Id(3)] public string? PreviousImage { get; init; }

    /// <summary>What the node has warm from now on (<see cref="Queues.WarmKeys"/>).</summary>
    [Id(20)] public string[] Warm { get; init; } = [];

    /// <summary>Source to fetch; null when it was uploaded.</summary>
    [Id(90)] public SourceOrigin? Origin { get; init; }
}

[GenerateSerializer, Immutable, Alias("grid.AnalyzeDone")]
public sealed record AnalyzeDone([property: Id(0)] AnalyzeResult Result) : WorkResult
{
    /// <summary>The source that was fetched; null when it was uploaded.</summary>
    [Id(90)] public FetchedSource? Source { get; init; }
}

/// <summary>Analyze of an image that is extended by itself: pin it, check access, index the contexts.</summary>
[GenerateSerializer, Immutable, Alias("grid.PinWork")]
public sealed record PinWork : WorkItem
{
    [Id(0)] public required ImageExtension Extension { get; init; }

    [Id(1)] public required string[] Targets { get; init; }

    /// <summary>What the node has warm from now on (<see cref="Queues.WarmKeys"/>).</summary>
    [Id(2)] public string[] Warm { get; init; } = [];
}

[GenerateSerializer, Immutable, Alias("grid.PinDone")]
public sealed record PinDone([property: Id(0)] PinnedExtension Result) : WorkResult;

/// <summary>Detect and generate in the builder.</summary>
[GenerateSerializer, Immutable, Alias("grid.DetectWork")]
public sealed record DetectWork : WorkItem
{
    [Id(0)] public required AnalyzeResult Analyzed { get; init; }

    [Id(1)] public required Layer Source { get; init; }

    [Id(2)] public required Dictionary<string, string> Environment { get; init; }

    /// <summary>Names the image will be published under: a switched run image must not be one of them.</summary>
    [Id(3)] public required string[] Targets { get; init; }
}

[GenerateSerializer, Immutable, Alias("grid.DetectDone")]
public sealed record DetectDone([property: Id(0)] Detection Result) : WorkResult;

/// <summary>Restore layers of the previous build into the build's layers directory.</summary>
[GenerateSerializer, Immutable, Alias("grid.RestoreWork")]
public sealed record RestoreWork : WorkItem
{
    [Id(0)] public required AnalyzeResult Analyzed { get; init; }

    [Id(1)] public required Group Group { get; init; }

    /// <summary>What the app's last build cached.</summary>
    [Id(2)] public CacheMetadata? Cache { get; init; }
}

[GenerateSerializer, Immutable, Alias("grid.RestoreDone")]
public sealed record RestoreDone : WorkResult;

/// <summary>Run one Dockerfile step.</summary>
[GenerateSerializer, Immutable, Alias("grid.StepWork")]
public sealed record StepWork : WorkItem
{
    [Id(0)] public required StepInput Input { get; init; }

    /// <summary>For log and trace: which chain and which instruction of which extension.</summary>
    [Id(1)] public required StepName Name { get; init; }
}

/// <summary>The step's layer; null when it changed no file.</summary>
[GenerateSerializer, Immutable, Alias("grid.StepDone")]
public sealed record StepDone([property: Id(0)] Layer? Layer) : WorkResult
{
    /// <summary>Packages it installed and removed; null when it changed no package database.</summary>
    [Id(1)] public PackageChanges? Packages { get; init; }

    /// <summary>Names that are root in the image's passwd behind the step; null when it was not looked at.</summary>
    [Id(2)] public string[]? RootUsers { get; init; }
}

/// <summary>Fetch what a step's ADD names by URL: its content is part of the step's key.</summary>
[GenerateSerializer, Immutable, Alias("grid.FetchWork")]
public sealed record FetchWork : WorkItem
{
    [Id(0)] public required string[] Urls { get; init; }

    /// <summary>How the step is named in errors.</summary>
    [Id(1)] public required string Label { get; init; }
}

/// <summary>The content of each URL, by digest.</summary>
[GenerateSerializer, Immutable, Alias("grid.FetchDone")]
public sealed record FetchDone([property: Id(0)] FetchedUrl[] Urls) : WorkResult;

/// <summary>Names a step for people.</summary>
[GenerateSerializer, Immutable, Alias("grid.StepName")]
public sealed record StepName
{
    [Id(0)] public required ImageKind Kind { get; init; }

    [Id(1)] public required string Extension { get; init; }

    /// <summary>File name of the Dockerfile, such as <c>run.Dockerfile</c>.</summary>
    [Id(2)] public required string File { get; init; }

    /// <summary>1-based line of the instruction.</summary>
    [Id(3)] public required int Line { get; init; }

    /// <summary>The instruction as written, on one line.</summary>
    [Id(4)] public required string Text { get; init; }

    /// <summary>1-based position among the steps of its kind, and how many there are.</summary>
    [Id(5)] public required int Number { get; init; }

    [Id(6)] public required int Total { get; init; }
}

/// <summary>Run the buildpacks in the extended build image and pack what they made.</summary>
[GenerateSerializer, Immutable, Alias("grid.BuildWork")]
public sealed record BuildWork : WorkItem
{
    [Id(1)] public required Detection Detection { get; init; }

    /// <summary>The extended build image; the builder itself when nothing extends it.</summary>
    [Id(2)] public required ExtendedImage BuildImage { get; init; }

    [Id(3)] public required Layer Source { get; init; }

    [Id(4)] public required Dictionary<string, string> Environment { get; init; }

    [Id(5)] public CacheMetadata? Cache { get; init; }
}

[GenerateSerializer, Immutable, Alias("grid.BuildDone")]
public sealed record BuildDone([property: Id(0)] PackedApp App) : WorkResult;

/// <summary>Assemble the app image and publish it.</summary>
[GenerateSerializer, Immutable, Alias("grid.ExportWork")]
public sealed record ExportWork : WorkItem
{
    [Id(1)] public required Detection Detection { get; init; }

    [Id(2)] public required ExtendedImage RunImage { get; init; }

    [Id(3)] public required PackedApp App { get; init; }

    [Id(4)] public required string[] Targets { get; init; }

    [Id(5)] public string? DefaultProcess { get; init; }

    [Id(6)] public long? SourceDateEpoch { get; init; }

    /// <summary>Labels of ours, by name.</summary>
    [Id(7)] public Dictionary<string, string> Labels { get; init; } = [];

    /// <summary>What run extensions did to the packages of the run image.</summary>
    [Id(20)] public ExtensionPackages[] Packages { get; init; } = [];

    /// <summary>The text of project-metadata.toml; null when nothing is known of where the source is from.</summary>
    [Id(90)] public string? ProjectMetadata { get; init; }
}

/// <summary>Publish an extended image as it is, without an app.</summary>
[GenerateSerializer, Immutable, Alias("grid.PublishWork")]
public sealed record PublishWork : WorkItem
{
    [Id(0)] public required ExtendedImage Image { get; init; }

    [Id(1)] public required string[] Targets { get; init; }
}

/// <summary>Put an app image on another run image.</summary>
[GenerateSerializer, Immutable, Alias("grid.RebaseWork")]
public sealed record RebaseWork : WorkItem
{
    /// <summary>The app image.</summary>
    [Id(0)] public required string Image { get; init; }

    [Id(1)] public required string[] Targets { get; init; }

    /// <summary>The run image; null for the one that the app's label names.</summary>
    [Id(2)] public string? RunImage { get; init; }

    /// <summary>Checks become warnings.</summary>
    [Id(3)] public bool Force { get; init; }

    [Id(4)] public long? SourceDateEpoch { get; init; }
}

/// <summary>The image of an export, of publishing or of a rebase has been written.</summary>
[GenerateSerializer, Immutable, Alias("grid.ExportDone")]
public sealed record ExportDone([property: Id(0)] ExportReport Report) : WorkResult;
