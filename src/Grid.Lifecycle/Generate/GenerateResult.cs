using Grid.Buildpacks;
using Grid.Buildpacks.Order;
using Grid.Dockerfiles.Planning;

namespace Grid.Lifecycle.Generate;

/// <summary>What generate works with.</summary>
/// <param name="Environment">Where things are.</param>
/// <param name="Group">The group detect chose.</param>
/// <param name="Plan">Its plan.</param>
/// <param name="RunImageName">The run image analyze chose, by name.</param>
/// <param name="Known">The run images the builder knows.</param>
public sealed record GenerateInput(PhaseEnvironment Environment, Group Group, BuildPlan Plan, string RunImageName, RunImages Known);

/// <summary>What the extensions generated.</summary>
public sealed record GenerateResult
{
    /// <summary>The plan without what extensions met.</summary>
    public required BuildPlan Plan { get; init; }

    public required IReadOnlyList<GeneratedExtension> Extensions { get; init; }

    /// <summary>The run image to use instead, when a run.Dockerfile names another; null when the analyzed one stays.</summary>
    public string? SwitchedRunImage { get; init; }

    /// <summary>Whether a run.Dockerfile that counts has instructions behind FROM.</summary>
    public bool ExtendsRun { get; init; }
}

/// <summary>One extension's Dockerfiles.</summary>
public sealed record GeneratedExtension(string Id, string Version)
{
    public GeneratedDockerfile? Build { get; init; }

    public GeneratedDockerfile? Run { get; init; }
}

/// <summary>A Dockerfile with what it is applied with.</summary>
/// <param name="Text">Its text.</param>
public sealed record GeneratedDockerfile(string Text)
{
    /// <summary>Arguments of extend-config.toml, in file order.</summary>
    public IReadOnlyList<BuildArg> Args { get; init; } = [];

    /// <summary>Where its build context is in the sandbox's tree; null for the app.</summary>
    public string? ContextDirectory { get; init; }

    /// <summary>A later extension switched the run image: this file does not count.</summary>
    public bool Ignored { get; init; }

    /// <summary>Another image that FROM names.</summary>
    public string? SwitchTo { get; init; }

    /// <summary>Whether it has instructions behind FROM.</summary>
    public bool Extends { get; init; }
}
