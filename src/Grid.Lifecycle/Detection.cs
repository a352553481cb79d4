using Grid.Buildpacks;
using Grid.Dockerfiles;
using Grid.Dockerfiles.Planning;
using Grid.Lifecycle.Analyze;
using Grid.Lifecycle.Extend;

namespace Grid.Lifecycle;

/// <summary>What detect and generate decided, as data: every later phase works from this.</summary>
public sealed record Detection
{
    public required Group Group { get; init; }

    /// <summary>The plan for buildpacks, without what extensions met.</summary>
    public required BuildPlan Plan { get; init; }

    /// <summary>Dockerfiles to apply, in the order of their extensions; ignored ones are not here.</summary>
    public IReadOnlyList<ExtensionDockerfileSource> Dockerfiles { get; init; } = [];

    /// <summary>Analyze's result, with the run image that a run.Dockerfile switched to.</summary>
    public required AnalyzeResult Analyzed { get; init; }
}

/// <summary>A Dockerfile an extension generated, with what it is applied with.</summary>
public sealed record ExtensionDockerfileSource
{
    public required string ExtensionId { get; init; }

    public required string ExtensionVersion { get; init; }

    public required ImageKind Kind { get; init; }

    public required string Text { get; init; }

    /// <summary>Arguments of extend-config.toml, in file order.</summary>
    public IReadOnlyList<BuildArg> Args { get; init; } = [];

    /// <summary>What COPY and ADD read.</summary>
    public required BuildContext Context { get; init; }

    /// <summary>For messages; <c>build.Dockerfile</c> or <c>run.Dockerfile</c> unless it came from elsewhere.</summary>
    public string FileName
    {
        get => field ?? (Kind == ImageKind.Build ? "build.Dockerfile" : "run.Dockerfile");
        init;
    }
}
